/*
 * libpcap can capture from the D-Bus, and for that loads D-Bus, systemd, libgcrypt and four
 * more libraries: 4 of the 9 ms of processor time that a short run spends before main(), and
 * as many foreign parsers in a process that holds CAP_NET_RAW. Linked statically, libpcap takes
 * its list of sources from these two functions instead of its own, and needs none of them.
 * Nothing calls them when libpcap is linked dynamically. (Names and forms: libpcap 1.10's
 * pcap-dbus.h; the Makefile tries whether they fit, and links dynamically if not.)
 */
#include <pcap/pcap.h>

#include <stddef.h>

struct pcap_if_list;

pcap_t *dbus_create(const char *device, char *errors, int *is_ours);
int dbus_findalldevs(struct pcap_if_list *devices, char *errors);

pcap_t *dbus_create(const char *device, char *errors, int *is_ours)
{
	(void)device;
	(void)errors;
	*is_ours = 0;
	return NULL;
}

int dbus_findalldevs(struct pcap_if_list *devices, char *errors)
{
	(void)devices;
	(void)errors;
	return 0;
}
