/*
 * lwIP, without its thread: the core is called directly, its network interface hands packets
 * to the walk, and its timer is called by hand. Nothing of it touches the system.
 */
#include "stack.h"

#include <lwip/init.h>
#include <lwip/ip4.h>
#include <lwip/netif.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>

#include <stdlib.h>
#include <string.h>

#define PORT 7
#define CHUNK_MAX 4096

static struct {
	struct stack_setup setup;
	struct netif netif;
	struct tcp_pcb *listener, *connection;
	unsigned unread; /* bytes taken from the stack and not reported as read */
	bool up, lazy, refuse;
} end;

static err_t put_out(struct netif *netif, struct pbuf *p, const ip4_addr_t *to)
{
	(void)netif;
	(void)to;
	uint8_t packet[2048];
	const u16_t count = pbuf_copy_partial(p, packet, sizeof packet, 0);
	end.setup.emit(end.setup.context, packet, count);
	return ERR_OK;
}

static err_t netif_begin(struct netif *netif)
{
	netif->output = put_out;
	netif->mtu = 1500;
	netif->name[0] = 'w';
	netif->name[1] = 'k';
	return ERR_OK;
}

static const uint8_t its_address[4] = {192, 0, 2, 2};

static ip4_addr_t address_of(const uint8_t *bytes)
{
	ip4_addr_t a;
	IP4_ADDR(&a, bytes[0], bytes[1], bytes[2], bytes[3]);
	return a;
}

static void netif_open(void)
{
	const ip4_addr_t address = address_of(its_address);
	const ip4_addr_t mask = address_of((const uint8_t[]){255, 255, 255, 0});
	const ip4_addr_t gateway = address_of((const uint8_t[]){0, 0, 0, 0});
	lwip_init();
	netif_add(&end.netif, &address, &mask, &gateway, NULL, netif_begin, ip4_input);
	netif_set_default(&end.netif);
	netif_set_link_up(&end.netif);
	netif_set_up(&end.netif);
	end.up = true;
}

/* ---- the application ---- */

static err_t on_received(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t error)
{
	(void)arg;
	(void)error;
	if (p == NULL)
		return ERR_OK; /* end of file: what the application does about it is a call */
	end.unread += p->tot_len;
	if (!end.lazy) {
		tcp_recved(pcb, (u16_t)end.unread);
		end.unread = 0;
	}
	pbuf_free(p);
	return ERR_OK;
}

static void on_error(void *arg, err_t error)
{
	(void)arg;
	(void)error;
	end.connection = NULL; /* it is freed already */
	end.unread = 0;
}

static void take(struct tcp_pcb *pcb)
{
	end.connection = pcb;
	end.unread = 0;
	tcp_recv(pcb, on_received);
	tcp_err(pcb, on_error);
}

/* A connection that ends in TIME-WAIT or LAST-ACK is freed without a word to who still holds it. */
static bool has_connection(void)
{
	struct tcp_pcb *const lists[] = {tcp_active_pcbs, tcp_tw_pcbs};
	for (size_t i = 0; end.connection != NULL && i < 2; i++)
		for (const struct tcp_pcb *p = lists[i]; p != NULL; p = p->next)
			if (p == end.connection)
				return true;
	end.connection = NULL;
	end.unread = 0;
	return false;
}

static err_t on_accepted(void *arg, struct tcp_pcb *pcb, err_t error)
{
	(void)arg;
	if (pcb == NULL || error != ERR_OK)
		return ERR_VAL;
	if (end.refuse) {
		end.refuse = false;
		return ERR_MEM;
	}
	if (has_connection()) { /* of an application that has not noticed its end */
		tcp_recv(end.connection, NULL);
		tcp_err(end.connection, NULL);
	}
	take(pcb);
	return ERR_OK;
}

static err_t on_connected(void *arg, struct tcp_pcb *pcb, err_t error)
{
	(void)arg;
	(void)pcb;
	(void)error;
	return ERR_OK;
}

static struct tcp_pcb *bound(void)
{
	struct tcp_pcb *pcb = tcp_new();
	if (pcb == NULL)
		abort();
	ip_set_option(pcb, SOF_REUSEADDR);
	if (tcp_bind(pcb, &end.netif.ip_addr, PORT) == ERR_OK)
		return pcb;
	tcp_close(pcb);
	return NULL;
}

static bool do_listen(void)
{
	struct tcp_pcb *pcb = end.listener == NULL ? bound() : NULL;
	if (pcb == NULL)
		return false;
	end.listener = tcp_listen(pcb);
	if (end.listener == NULL)
		abort();
	tcp_accept(end.listener, on_accepted);
	return true;
}

static bool do_unlisten(void)
{
	if (end.listener == NULL)
		return false;
	tcp_close(end.listener);
	end.listener = NULL;
	return true;
}

static bool do_connect(void)
{
	struct tcp_pcb *pcb = has_connection() ? NULL : bound();
	if (pcb == NULL)
		return false;
	ip_addr_t to;
	ip_addr_copy_from_ip4(to, address_of(end.setup.our_address));
	take(pcb);
	if (tcp_connect(pcb, &to, end.setup.our_port, on_connected) == ERR_OK)
		return true;
	end.connection = NULL;
	tcp_close(pcb);
	return false;
}

static bool do_send(unsigned count)
{
	static const uint8_t text[CHUNK_MAX];
	if (!has_connection() || count > CHUNK_MAX)
		return false;
	/* An application waits for on_connected(); text of one that does not goes out from
	 * SYN-SENT, without an ACK, with the first retransmission. */
	if (end.connection->state == SYN_SENT)
		return false;
	if (tcp_write(end.connection, text, (u16_t)count, TCP_WRITE_FLAG_COPY) != ERR_OK)
		return false;
	tcp_output(end.connection);
	return true;
}

static bool do_read(void)
{
	if (!has_connection() || end.unread == 0)
		return false;
	const unsigned count = end.unread;
	end.unread = 0;
	tcp_recved(end.connection, (u16_t)count);
	return true;
}

static bool do_close(void)
{
	if (!has_connection())
		return false;
	struct tcp_pcb *pcb = end.connection;
	tcp_recv(pcb, NULL);
	tcp_err(pcb, NULL);
	end.connection = NULL;
	tcp_close(pcb);
	return true;
}

static bool do_abort(void)
{
	if (!has_connection())
		return false;
	struct tcp_pcb *pcb = end.connection;
	tcp_err(pcb, NULL);
	end.connection = NULL;
	tcp_abort(pcb);
	return true;
}

static bool lwip_call(enum stack_call call, unsigned argument)
{
	switch (call) {
	case STACK_LISTEN:
		return do_listen();
	case STACK_UNLISTEN:
		return do_unlisten();
	case STACK_CONNECT:
		return do_connect();
	case STACK_SEND:
		return do_send(argument);
	case STACK_READ:
		return do_read();
	case STACK_LAZY:
		end.lazy = argument != 0;
		return true;
	case STACK_SHUTDOWN:
		return has_connection() && tcp_shutdown(end.connection, 0, 1) == ERR_OK;
	case STACK_CLOSE:
		return do_close();
	case STACK_ABORT:
		return do_abort();
	case STACK_REFUSE:
		end.refuse = true;
		return true;
	case STACK_KEEP_ALIVE:
		if (!has_connection())
			return false;
		ip_set_option(end.connection, SOF_KEEPALIVE);
		end.connection->keep_idle = 2000;
		end.connection->keep_intvl = 1000;
		end.connection->keep_cnt = 3;
		return true;
	case STACK_CALL_COUNT:
		break;
	}
	return false;
}

/* ---- the end itself ---- */

/* The ISS of lwIP is a running sum of tcp_ticks, so it can be guessed, and repeats itself while
 * they are 0. Other ticks make it one that cannot be guessed, and the same for the same seed; since
 * timers are differences of ticks, nothing else depends on where they begin. */
static void set_iss(uint32_t seed)
{
	struct tcp_pcb any;
	tcp_ticks = 0;
	tcp_ticks = seed - tcp_next_iss(&any);
}

static const char *lwip_begin(const struct stack_setup *setup, struct stack_address *its)
{
	if (!end.up)
		netif_open();
	end.setup = *setup;
	end.connection = NULL;
	end.unread = 0;
	end.lazy = end.refuse = false;
	srand(setup->seed);
	set_iss(setup->seed);
	memcpy(its->address, its_address, sizeof its->address);
	its->port = PORT;
	if (!setup->active)
		do_listen();
	return NULL;
}

static void lwip_deliver(const uint8_t *packet, size_t packet_bytes)
{
	struct pbuf *p = pbuf_alloc(PBUF_RAW, (u16_t)packet_bytes, PBUF_RAM);
	if (p == NULL)
		abort();
	pbuf_take(p, packet, (u16_t)packet_bytes);
	ip4_input(p, &end.netif);
}

static const char *name_of(enum tcp_state s)
{
	switch (s) {
	case CLOSED:
		return "CLOSED";
	case LISTEN:
		return "LISTEN";
	case SYN_SENT:
		return "SYN-SENT";
	case SYN_RCVD:
		return "SYN-RECEIVED";
	case ESTABLISHED:
		return "ESTABLISHED";
	case FIN_WAIT_1:
		return "FIN-WAIT-1";
	case FIN_WAIT_2:
		return "FIN-WAIT-2";
	case CLOSE_WAIT:
		return "CLOSE-WAIT";
	case CLOSING:
		return "CLOSING";
	case LAST_ACK:
		return "LAST-ACK";
	case TIME_WAIT:
		return "TIME-WAIT";
	}
	return "?";
}

static struct tcp_pcb *find(void)
{
	for (struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next)
		if (p->remote_port == end.setup.our_port)
			return p;
	for (struct tcp_pcb *p = tcp_tw_pcbs; p != NULL; p = p->next)
		if (p->remote_port == end.setup.our_port)
			return p;
	return NULL;
}

static const char *lwip_state(void)
{
	const struct tcp_pcb *p = find();
	if (p != NULL)
		return name_of(p->state);
	return end.listener != NULL ? "LISTEN" : "CLOSED";
}

static void drop(void *context, const uint8_t *packet, size_t packet_bytes)
{
	(void)context;
	(void)packet;
	(void)packet_bytes;
}

static void lwip_end(void)
{
	end.setup.emit = drop;
	struct tcp_pcb *p;
	while ((p = find()) != NULL) {
		tcp_err(p, NULL);
		tcp_abort(p);
	}
	end.connection = NULL;
	do_unlisten();
}

const struct stack *stack_lwip(void)
{
	static const struct stack lwip = {
		.name = "lwIP",
		.habits = STACK_SYN_FIN | STACK_BEYOND_FIN | STACK_ANY_WINDOW | STACK_ANY_TEXT |
			  STACK_SYN_AS_TEXT | STACK_WINDOW_GROWS,
		.begin = lwip_begin,
		.deliver = lwip_deliver,
		.call = lwip_call,
		.tick = tcp_tmr,
		.state = lwip_state,
		.end = lwip_end,
	};
	return &lwip;
}
