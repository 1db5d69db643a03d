#!/usr/bin/python3
"""Record the captures of this folder again: two Linux kernels, a wire with delay between them.

    captures/record.py [NAME...]        into this folder; needs unshare, ip, nft, ethtool, tcpdump

Everything happens in network namespaces of its own (client 192.0.2.1 and 2001:db8::1, server
192.0.2.2 and 2001:db8::2, 10 ms each way), of which nothing is left afterwards. Both ends
are sockets of this one process, so each story is told step by step. The kept files do not have
to be recorded again; this is how they were made, and how one more is made.
"""

import ctypes
import heapq
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

FOLDER = os.path.dirname(os.path.abspath(__file__))
DELAY = 0.010
CLIENT, SERVER = {4: "192.0.2.1", 6: "2001:db8::1"}, {4: "192.0.2.2", 6: "2001:db8::2"}
libc = ctypes.CDLL(None, use_errno=True)
source = 40000  # the client's port: another one for each story, because of TIME-WAIT


def sh(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def inside(host, function):
    """Call a function with this thread in the namespace of a host."""
    fd = os.open("/run/netns/" + host, os.O_RDONLY)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if libc.setns(fd, 0) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        return function()
    finally:
        libc.setns(here, 0)
        os.close(fd)
        os.close(here)


def at(host, *words):
    sh("ip", "netns", "exec", host, *words)


class Wire(threading.Thread):
    """Frames between the hosts, 10 ms late; drop[side] holds numbers of TCP segments to lose."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ends = {}
        for side in ("client", "server"):
            self.ends[side] = inside("wire", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self.ends[side].bind(("to-" + side, 3))  # ETH_P_ALL
        self.forget()

    def forget(self, **drop):
        self.seen = {"client": 0, "server": 0}
        self.drop = {"client": drop.get("from_client", ()), "server": drop.get("from_server", ())}

    def keeps(self, side, frame):
        ip4 = frame[12:14] == b"\x08\x00" and frame[23] == 6
        ip6 = frame[12:14] == b"\x86\xdd" and frame[20] == 6
        if ip4 or ip6:
            self.seen[side] += 1
            return self.seen[side] not in self.drop[side]
        return True

    def run(self):
        queue, n = [], 0
        while True:
            wait = max(0, queue[0][0] - time.monotonic()) if queue else None
            ready, _, _ = select.select(list(self.ends.values()), [], [], wait)
            for side, end in self.ends.items():
                if end in ready:
                    frame, address = end.recvfrom(65535)
                    if address[2] != socket.PACKET_OUTGOING and self.keeps(side, frame):
                        n += 1
                        heapq.heappush(queue, (time.monotonic() + DELAY, n, side, frame))
            while queue and queue[0][0] <= time.monotonic():
                _, _, side, frame = heapq.heappop(queue)
                self.ends["server" if side == "client" else "client"].send(frame)


def build():
    sh("mount", "-t", "tmpfs", "none", "/run")
    os.mkdir("/run/netns")
    for host in ("client", "server", "wire"):
        sh("ip", "netns", "add", host)
    for host in ("client", "server"):
        sh("ip", "-n", host, "link", "add", "eth0", "type", "veth", "peer", "name", "to-" + host, "netns", "wire")
        at(host, "ethtool", "-K", "eth0", "tx", "off", "rx", "off", "gso", "off", "gro", "off", "tso", "off")
        at("wire", "ethtool", "-K", "to-" + host, "tx", "off", "rx", "off", "gro", "off")
        for link in ("lo", "eth0"):
            sh("ip", "-n", host, "link", "set", link, "up")
        sh("ip", "-n", "wire", "link", "set", "to-" + host, "up")
        address = CLIENT if host == "client" else SERVER
        sh("ip", "-n", host, "addr", "add", address[4] + "/24", "dev", "eth0")
        sh("ip", "-n", host, "addr", "add", address[6] + "/64", "dev", "eth0", "nodad")
        at(host, "sysctl", "-qw", "net.ipv4.tcp_syn_retries=2")
    wire = Wire()
    wire.start()
    ping = inside("client", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    ping.sendto(b"", (SERVER[4], 9))  # neighbours know each other before any story begins
    ping6 = inside("client", lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    ping6.sendto(b"", (SERVER[6], 9))
    time.sleep(0.3)
    return wire


# --- two ends -----------------------------------------------------------------------------
def family(v):
    return socket.AF_INET if v == 4 else socket.AF_INET6


def listener(v=4, port=7, **options):
    s = inside("server", lambda: socket.socket(family(v), socket.SOCK_STREAM))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if options.get("window"):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options["window"])
    if options.get("fastopen"):
        s.setsockopt(socket.IPPROTO_TCP, 23, 5)
    s.bind((SERVER[v], port))
    s.listen(8)
    return s


def dial(v=4, port=7, offset=0):
    s = inside("client", lambda: socket.socket(family(v), socket.SOCK_STREAM))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((CLIENT[v], source + offset))
    s.connect((SERVER[v], port))
    return s


def pair(v=4, **options):
    with listener(v, **options) as waiting:
        client = dial(v)
        return client, waiting.accept()[0]


def pause(seconds=0.06):
    time.sleep(seconds)


def abort(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def echo(client, server, text=b"Hello, server"):
    client.sendall(text)
    pause()
    server.sendall(server.recv(100))
    pause()
    client.recv(100)


def close_both(first, second):
    first.close()
    pause()
    second.close()
    pause()


# --- the stories: name, what it shows, how ----------------------------------------------------
STORIES = {}


def story(text, **how):
    def enter(function):
        STORIES[function.__name__.replace("_", "-")] = (text, how, function)
        return function
    return enter


@story("A connection opened, used in both directions and closed by the client.")
def open_data_close(_):
    client, server = pair()
    echo(client, server)
    close_both(client, server)


@story("The same over IPv6.")
def open_data_close_ip6(_):
    client, server = pair(6)
    echo(client, server)
    close_both(client, server)


@story("The same, captured on every interface at once: link type LINUX_SLL2.", tcpdump=["-i", "any"])
def cooked_v2(_):
    open_data_close(_)


@story("The same, link type LINUX_SLL.", tcpdump=["-i", "any", "-y", "LINUX_SLL"])
def cooked_v1(_):
    open_data_close(_)


@story("The same, recorded beside the server.", host="server")
def at_the_server(_):
    open_data_close(_)


@story("The same, recorded with microseconds and cut to 80 bytes a frame.",
       tcpdump=["-i", "eth0", "-s", "80", "--micro"])
def snapped(_):
    client, server = pair()
    echo(client, server, b"Hello, server. This text is longer than what is kept of it.")
    close_both(client, server)


@story("A SYN to a port where nobody listens: RST.")
def closed_port(_):
    try:
        dial(port=81)
    except ConnectionRefusedError:
        pass


@story("The same over IPv6.")
def closed_port_ip6(_):
    try:
        dial(6, port=81)
    except ConnectionRefusedError:
        pass


@story("A SYN that is dropped on the way, and its retransmissions.", nft="tcp dport 82 drop")
def filtered_port(_):
    try:
        dial(port=82)
    except (TimeoutError, OSError):
        pass


@story("ICMP type 3 code 13, communication administratively prohibited.",
       nft="tcp dport 83 reject with icmp type admin-prohibited")
def prohibited_port(_):
    try:
        dial(port=83)
    except OSError:
        pass


@story("ICMPv6 type 1 code 1, communication administratively prohibited.",
       nft="tcp dport 83 reject with icmpv6 type admin-prohibited")
def prohibited_port_ip6(_):
    try:
        dial(6, port=83)
    except OSError:
        pass


@story("The server closes first and keeps TIME-WAIT.")
def server_closes_first(_):
    client, server = pair()
    close_both(server, client)


@story("The client closes its direction, and the server still sends.")
def half_close(_):
    client, server = pair()
    client.shutdown(socket.SHUT_WR)
    pause()
    server.sendall(b"still here")
    pause()
    client.recv(100)
    close_both(server, client)


@story("Both close while the other's FIN is under way: CLOSING on both sides.")
def simultaneous_close(_):
    client, server = pair()
    pause()
    client.close()
    server.close()
    pause()


@story("Both open at once: no listener anywhere, two SYNs cross.")
def simultaneous_open(_):
    ends = []
    for host, own, other in (("client", CLIENT, SERVER), ("server", SERVER, CLIENT)):
        s = inside(host, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        s.bind((own[4], source))
        s.setblocking(False)
        s.connect_ex((other[4], source))
        ends.append(s)
    pause()
    close_both(*ends)


@story("The server aborts an open connection: RST.")
def server_resets(_):
    client, server = pair()
    echo(client, server)
    abort(server)
    pause()


@story("The client aborts before it has closed.")
def client_resets(_):
    client, server = pair()
    abort(client)
    pause()


@story("The server closes with data unread: RST in place of FIN.")
def unread_close(_):
    client, server = pair()
    client.sendall(b"never read")
    pause()
    server.close()
    pause()


@story("The first SYN-ACK is lost; the SYN is sent again and answered again.", from_server=(1,))
def lost_synack(_):
    client, server = pair()
    close_both(client, server)


@story("The handshake's last ACK is lost: the SYN-ACK comes again and is acknowledged again.", from_client=(2,))
def lost_third_ack(_):
    client, server = pair()
    echo(client, server)
    close_both(client, server)


@story("One data segment of six is lost on the way to the server: SACK and a retransmission.",
       from_client=(4,))
def lost_data(_):
    client, server = pair()
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for i in range(6):
        client.sendall(b"segment %d of six " % (i + 1) * 4)
    pause(0.4)
    server.recv(4000)
    close_both(client, server)


@story("The last ACK of the close is lost; the FIN is sent again.", from_client=(4,))
def lost_last_ack(_):
    client, server = pair()
    client.close()
    pause()
    server.close()
    pause(0.5)


@story("The receiver does not read: the window closes, is probed, and opens again.")
def zero_window(_):
    client, server = pair(window=2304)
    client.setblocking(False)
    sent = 0
    try:
        while sent < 4000:
            sent += client.send(bytes(range(65, 91)) * 20)
    except BlockingIOError:
        pass
    pause(1.0)
    got = 0
    server.settimeout(1)
    while got < sent:
        got += len(server.recv(65536))
    pause(0.5)
    close_both(client, server)


@story("Keep-alives of an idle connection, and their answers.")
def keep_alive(_):
    client, server = pair()
    for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1)):
        client.setsockopt(socket.IPPROTO_TCP, option, value)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    pause(2.5)
    close_both(client, server)


@story("The capture begins in the middle of an open connection.", late=True)
def midstream(record):
    client, server = pair()
    echo(client, server)
    record()
    echo(client, server, b"Hello again!!")
    close_both(client, server)


@story("The same four addresses and ports twice, with other sequence numbers.")
def port_reused(_):
    for _ in range(2):
        client, server = pair()
        abort(client)
        pause()


@story("Three connections at once, and a port that refuses.")
def several_flows(_):
    with listener() as waiting:
        clients = [dial(offset=i) for i in range(3)]
        servers = [waiting.accept()[0] for _ in clients]
    try:
        dial(port=81, offset=10)
    except ConnectionRefusedError:
        pass
    echo(clients[1], servers[1], b"the second")
    close_both(clients[0], servers[0])
    abort(servers[2])
    close_both(servers[1], clients[1])


@story("Explicit congestion notification agreed on in the handshake.", ecn="1")
def ecn(_):
    open_data_close(_)


@story("A server that answers with SYN cookies.", cookies="2")
def syn_cookies(_):
    open_data_close(_)


@story("TCP Fast Open: a cookie asked for, then data in the SYN.", fastopen="3")
def fast_open(_):
    for _ in range(2):
        with listener(fastopen=True) as waiting:
            client = inside("client", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            client.sendto(b"early", socket.MSG_FASTOPEN, (SERVER[4], 7))
            server = waiting.accept()[0]
            pause()
            server.recv(100)
            close_both(client, server)


@story("On the loopback interface, where the kernel leaves checksums to a card that is not there.",
       tcpdump=["-i", "lo"])
def loopback(_):
    waiting = inside("client", lambda: socket.create_server(("127.0.0.1", 7)))
    client = inside("client", lambda: socket.create_connection(("127.0.0.1", 7)))
    server = waiting.accept()[0]
    echo(client, server)
    close_both(client, server)
    waiting.close()


def record(name, wire):
    global source
    source = 40000 + 16 * list(STORIES).index(name)
    text, how, function = STORIES[name]
    host = how.get("host", "client")
    path = os.path.join(FOLDER, name + ".pcap")
    words = ["ip", "netns", "exec", host, "tcpdump", *how.get("tcpdump", ["-i", "eth0"]), "-U", "-w", "-",
             "--immediate-mode", "tcp or icmp or (icmp6 and ip6[40] < 128)"]
    if "--micro" not in words:
        words.insert(-1, "--nano")
    tcpdump = []

    def begin():
        tcpdump.append(subprocess.Popen(words, stdout=open(path, "wb"), stderr=subprocess.PIPE))
        while b"listening on" not in tcpdump[0].stderr.readline():
            pass

    for word, option in (("ecn", "tcp_ecn"), ("cookies", "tcp_syncookies"), ("fastopen", "tcp_fastopen")):
        for end in ("client", "server"):
            usual = {"ecn": "2", "cookies": "1", "fastopen": "1"}[word]
            at(end, "sysctl", "-qw", "net.ipv4.%s=%s" % (option, how.get(word, usual)))
    at("server", "nft", "flush ruleset")
    if "nft" in how:
        at("server", "nft", "table inet t { chain c { type filter hook input priority 0; %s; }; }" % how["nft"])
    wire.forget(**{k: v for k, v in how.items() if k.startswith("from_")})
    if not how.get("late"):
        begin()
    function(begin)
    pause(0.2)
    tcpdump[0].send_signal(signal.SIGINT)
    _, said = tcpdump[0].communicate()
    if b"\n0 packets dropped by kernel" not in said:
        raise SystemExit("%s: %s" % (name, said.decode()))
    with open(os.path.join(FOLDER, name + ".md"), "w", encoding="utf-8") as f:
        f.write("%s\n\nRecorded by `captures/record.py %s` between two kernels %s, %s.\n" % (
            text, name, os.uname().release.split("-")[0],
            "beside the server" if host == "server" else "beside the client"))
    print(name, os.path.getsize(path))


def main():
    names = sys.argv[1:] or list(STORIES)
    if "SYNSCOPE_RECORD_INSIDE" not in os.environ:
        user = [] if os.getuid() == 0 else ["-U", "--map-current-user", "--keep-caps"]
        os.environ["SYNSCOPE_RECORD_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", *user, "-nm", "--fork", "--kill-child", __file__, *names])
    wire = build()
    for name in names:
        record(name, wire)


if __name__ == "__main__":
    main()
