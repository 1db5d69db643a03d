#!/usr/bin/python3
"""Write the captures of this folder that no two kernels would make: odd, hostile, rare stories.

    captures/write.py [NAME...]        into this folder; needs nothing

Every byte is put here, checksums included, so that the right answer is known before any tool has
looked. Client 192.0.2.1:40000 with ISN 1000000, server 192.0.2.2:80 with ISN 5000000, 10 ms
between segments, unless a story says otherwise. record.py beside this has the ordinary stories,
by real kernels.
"""

import ipaddress
import os
import struct
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))
FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "C": 0x80}
MAC = {"client": bytes.fromhex("020000000001"), "server": bytes.fromhex("020000000002")}
ETHERNET, RAW = 1, 101
MSS, WSCALE, SACK_OK = b"\x02\x04\x05\xb4", b"\x03\x03\x07\x00", b"\x04\x02\x01\x01"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class End:
    def __init__(self, name, address, port, isn):
        self.name, self.address, self.port, self.isn = name, ipaddress.ip_address(address), port, isn
        self.next = 0  # offset of the next number to send
        self.window, self.options = 1000, MSS


class Story:
    """Segments in order; offsets are from the ISNs."""

    def __init__(self, link=RAW, vlans=(), v6=False, extensions=(), isns=(1000000, 5000000)):
        self.link, self.vlans, self.extensions = link, vlans, extensions
        hosts = ("2001:db8::1", "2001:db8::2") if v6 else ("192.0.2.1", "192.0.2.2")
        self.client = End("client", hosts[0], 40000, isns[0])
        self.server = End("server", hosts[1], 80, isns[1])
        self.now_ns = 1700000000 * 10**9
        self.frames = []  # (time, bytes, direction: 0 unknown, 1 in, 2 out, comment)
        self.last = b""   # the last IP packet, for an ICMP error to quote

    def other(self, end):
        return self.server if end is self.client else self.client

    def ip(self, src, dst, protocol, body, ttl=64):
        if src.version == 4:
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, ttl, protocol, 0)
            head += src.packed + dst.packed
            return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
        kinds = [kind for kind, _ in self.extensions] + [protocol]
        chain = b""
        for i, (_, rest) in enumerate(self.extensions):
            chain += bytes([kinds[i + 1]]) + rest
        head = struct.pack("!IHBB", 6 << 28, len(chain) + len(body), kinds[0], ttl)
        return head + src.packed + dst.packed + chain + body

    def put(self, packet, end, wait_ms=10, direction=0, comment=""):
        self.now_ns += wait_ms * 10**6
        frame = packet
        if self.link == ETHERNET:
            kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
            tags = b"".join(struct.pack("!HH", *tag) for tag in self.vlans)
            frame = MAC[self.other(end).name] + MAC[end.name] + tags + kind + packet
        self.frames.append((self.now_ns, frame, direction, comment))

    def say(self, end, flags, data=b"", seq=None, ack=None, win=None, options=b"", bad=False, **how):
        """One segment. seq: its next number; ack: all that the other end has sent."""
        if isinstance(end, str):
            end = getattr(self, end)
        other = self.other(end)
        bits = sum(FLAGS[f] for f in flags)
        offset = end.next if seq is None else seq
        raw_ack = 0
        if "A" in flags:
            raw_ack = (other.isn + (other.next if ack is None else ack)) & 0xFFFFFFFF
        options = options or (end.options if "S" in flags else b"")
        options += b"\0" * (-len(options) % 4)
        win = end.window if win is None else win
        raw_seq = 0 if seq == "zero" else (end.isn + offset) & 0xFFFFFFFF
        tcp = struct.pack("!HHIIHHHH", end.port, other.port, raw_seq, raw_ack,
                          (5 + len(options) // 4) << 12 | bits, win, 0, 0) + options + data
        pseudo = end.address.packed + other.address.packed + struct.pack("!II", len(tcp), 6)
        right = checksum(pseudo + tcp) ^ (0x5555 if bad else 0)
        tcp = tcp[:16] + struct.pack("!H", right) + tcp[18:]
        cut = how.pop("cut", 0)
        self.last = self.ip(end.address, other.address, 6, tcp)
        if cut:
            self.put(self.piece(end, tcp[:cut], 0, True), end, **how)
            self.put(self.piece(end, tcp[cut:], cut, False), end, wait_ms=0)
        else:
            self.put(self.last, end, **how)
        if seq is None and "R" not in flags:
            end.next += len(data) + ("S" in flags) + ("F" in flags)

    def piece(self, end, body, at, more):
        """An IPv4 fragment."""
        packet = self.ip(end.address, self.other(end).address, 6, body)
        head = packet[:6] + struct.pack("!H", more << 13 | at // 8) + packet[8:10] + b"\0\0" + packet[12:20]
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def icmp(self, sender, kind, code, quoted=None, wait_ms=10):
        body = struct.pack("!BBHI", kind, code, 0, 0) + (quoted or self.last)
        body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
        self.put(self.ip(ipaddress.ip_address(sender), self.client.address, 1, body), self.server, wait_ms)

    def open(self):
        self.say("client", "S")
        self.say("server", "SA")
        self.say("client", "A")

    def close(self, first="client"):
        second = "server" if first == "client" else "client"
        self.say(first, "FA")
        self.say(second, "A")
        self.say(second, "FA")
        self.say(first, "A")

    def again(self, isns):
        """The same ports, other ISNs."""
        for end, isn in zip((self.client, self.server), isns):
            end.isn, end.next = isn, 0


# --- files ----------------------------------------------------------------------------------
def pcap(story):
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, story.link)
    for time_ns, frame, _, _ in story.frames:
        out += struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(frame), len(frame)) + frame
    return out


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng(story):
    end = struct.pack("<HH", 0, 0)
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", story.link, 0, 65535) + option(2, b"eth0") + option(9, b"\x09") + end)
    for time_ns, frame, direction, comment in story.frames:
        options = option(2, struct.pack("<I", direction))
        if comment:
            options += option(1, comment.encode())
        head = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(frame), len(frame))
        out += block(6, head + frame + b"\0" * (-len(frame) % 4) + options + end)
    return out


# --- the stories: what they show, and the right answer ------------------------------------------
STORIES = {}


def story(text, form="pcap", **how):
    def enter(function):
        STORIES[function.__name__.replace("_", "-")] = (text, form, how, function)
        return function
    return enter


@story("An RST in the window, but not at the next expected number: it is challenged, not obeyed (RFC 5961\n"
       "section 3.2), and the connection goes on. Both ends stay ESTABLISHED.")
def reset_challenged(s):
    s.open()
    s.say("client", "PA", b"first")
    s.say("server", "A")
    s.say("server", "R", seq=500)
    s.say("client", "A")
    s.say("client", "PA", b"second")
    s.say("server", "A")
    s.close()


@story("Two RSTs outside the window, above and below: ignored, and the connection goes on.")
def reset_out_of_window(s):
    s.open()
    s.say("client", "PA", b"first")
    s.say("server", "A")
    s.say("server", "R", seq=5000000)
    s.say("server", "R", seq=-1)
    s.say("client", "PA", b"second")
    s.say("server", "A")
    s.close()


@story("The server sends and aborts at once: the RST follows data that is not acknowledged yet, so it is\n"
       "exact for whoever has got the data.")
def reset_behind_data(s):
    s.open()
    s.say("server", "PA", b"goodbye")
    s.say("server", "RA", wait_ms=0)


@story("After an RST the client goes on where it was: that RST was not its own.")
def reset_not_its_own(s):
    s.open()
    s.say("client", "R")
    s.say("client", "PA", b"still here", wait_ms=1000)
    s.say("server", "A")


@story("A SYN into an open connection, from a client that has forgotten it: challenge ACK (RFC 5961 section\n"
       "4.2), RST, and the SYN again, which opens another connection on the same ports.")
def forgotten_connection(s):
    s.open()
    s.say("client", "PA", b"hello")
    s.say("server", "A")
    old = s.client.isn, s.server.isn, s.client.next, s.server.next
    s.client.isn, s.client.next = 3000000, 0
    s.say("client", "S", wait_ms=5000)
    s.client.isn, s.client.next = old[0], old[2]
    s.say("server", "A")
    s.say("client", "R")
    s.again((3000000, 8000000))
    s.say("client", "S", wait_ms=1000)
    s.say("server", "SA")
    s.say("client", "A")


@story("A SYN into a connection that the capture saw open, answered with SYN,ACK: the server had lost it\n"
       "already, so the SYN began another one.")
def silent_end(s):
    s.open()
    s.again((3000000, 8000000))
    s.say("client", "S", wait_ms=60000)
    s.say("server", "SA")
    s.say("client", "A")


@story("A SYN,ACK that acknowledges the wrong number: the client answers with RST and stays in SYN-SENT (RFC\n"
       "9293 section 3.10.7.3); its next SYN is answered rightly.")
def wrong_synack(s):
    s.say("client", "S")
    s.say("server", "SA", seq=9000, ack=778)
    s.say("client", "R", seq=778)
    s.say("client", "S", seq=0, wait_ms=1000)
    s.say("server", "SA")
    s.say("client", "A")


@story("Two SYN,ACKs with different ISNs, both of which acknowledge the SYN; the client's ACK chooses the\n"
       "second.")
def two_synacks(s):
    s.say("client", "S")
    s.say("server", "SA", seq=70000, ack=1)
    s.say("server", "SA", wait_ms=1)
    s.say("client", "A")
    s.say("client", "PA", b"hello")
    s.say("server", "A")


@story("A SYN is answered with an ACK of an older connection (RFC 9293 figure 9): RST, and the SYN again.")
def half_open(s):
    s.say("client", "S")
    s.say("server", "A", seq=300, ack=100)
    s.say("client", "R", seq=100)
    s.say("client", "S", seq=0, wait_ms=1000)
    s.say("server", "SA")
    s.say("client", "A")


@story("The server acknowledges the SYN and sends its own SYN apart: a split handshake.")
def split_handshake(s):
    s.say("client", "S")
    s.say("server", "A", seq=-9, ack=1)
    s.say("server", "S")
    s.say("client", "SA", seq=0)
    s.say("server", "A")


@story("Sequence numbers that wrap: the client's ISN is 4294967295, so that its first byte is number 0; the\n"
       "server's is 4294967290, and its data goes over the wrap.", isns=(0xFFFFFFFF, 0xFFFFFFFA))
def sequence_wrap(s):
    s.open()
    s.say("client", "PA", b"hello")
    s.say("server", "PA", b"hello, client")
    s.say("client", "A")
    s.close()


@story("Both ISNs are 0, which is a number like any other.", isns=(0, 0))
def sequence_zero(s):
    s.open()
    s.say("client", "PA", b"hello")
    s.say("server", "A")
    s.close()


@story("The same ports used again after the server's TIME-WAIT: once with an ISN above the last number, which\n"
       "an end in TIME-WAIT may accept, and once below it.")
def time_wait_reuse(s):
    s.open()
    s.close("server")
    s.again((1200000, 6000000))
    s.open()
    s.close("server")
    s.again((900000, 7000000))
    s.say("client", "S")


@story("One segment comes late, by another way, and one is lost and sent again after a round trip.")
def out_of_order(s):
    s.open()
    s.say("client", "A", b"b" * 10, seq=11)
    s.say("client", "A", b"a" * 10, seq=1, wait_ms=1)
    s.client.next = 21
    s.say("server", "A")
    s.say("client", "A", b"d" * 10, seq=31)
    s.say("server", "A")
    s.say("server", "A", wait_ms=1)
    s.say("client", "A", b"c" * 10, seq=21, wait_ms=200)
    s.client.next = 41
    s.say("server", "A")


@story("The capture has missed a part of what the client sent: the server acknowledges more than was seen.")
def capture_gap(s):
    s.open()
    s.say("client", "PA", b"seen")
    s.say("server", "A")
    s.client.next += 300
    s.say("server", "A")
    s.say("client", "PA", b"seen again")
    s.say("server", "A")
    s.close()


@story("Only the client's segments were captured.")
def one_direction(s):
    s.say("client", "S")
    s.server.next = 1
    s.say("client", "A")
    s.say("client", "PA", b"question")
    s.server.next += 100
    s.say("client", "A")
    s.say("client", "FA")
    s.server.next += 1
    s.say("client", "A")


@story("A keep-alive's number, but not acknowledged yet: one byte sent again; then it is acknowledged, and\n"
       "the same segment is a keep-alive.")
def one_byte_again(s):
    s.open()
    s.say("client", "PA", b"x")
    s.say("client", "PA", b"x", seq=1, wait_ms=200)
    s.say("server", "A")
    s.say("client", "A", b"x", seq=1, wait_ms=7000)
    s.say("server", "A")


@story("One side offers no window scale and no MSS: no scaling either way, 536 bytes to the server.")
def no_options(s):
    s.client.options = MSS + WSCALE + SACK_OK
    s.say("client", "S")
    s.say("server", "SA", options=b"\x01\x01\x01\x01")
    s.say("client", "A")
    s.close()


@story("Options that no decoder may trust: a length of 0, one past the header, one too short for its kind,\n"
       "one given twice.")
def hostile_options(s):
    s.say("client", "S", options=b"\x02\x00\x05\xb4")
    s.say("client", "S", seq=0, options=b"\x01\x01\x02\x28", wait_ms=1000)
    s.say("client", "S", seq=0, options=b"\x02\x03\x05\x01", wait_ms=2000)
    s.say("client", "S", seq=0, options=MSS + b"\x02\x04\x02\x00", wait_ms=4000)
    s.say("server", "SA", options=b"\x03\x03\xff\x01" + MSS)
    s.say("client", "A", options=b"\x05\x0a\x00\x00\x00\x09\x00\x00\x00\x03\x01\x01")


@story("Flags that no TCP sends by itself: SYN and FIN, none at all, FIN alone, FIN PSH URG, all answered with\n"
       "RST by an end that has no connection; SYN and RST, which nobody answers.")
def odd_flags(s):
    for i, (flags, count) in enumerate((("SF", 2), ("", 0), ("F", 1), ("FPU", 1))):
        s.client.port = 40000 + i
        s.say("client", flags, seq=0)
        s.say("server", "RA", seq="zero", ack=count)
    s.client.port = 40004
    s.say("client", "SR", seq=0)


@story("An ACK out of nowhere, and the RST that answers it: there is no connection.")
def ack_scan(s):
    s.say("client", "A", seq=1, ack=1)
    s.say("server", "R", seq=1)


@story("A segment whose checksum is wrong: its receiver drops it, and it is sent again.")
def wrong_checksum(s):
    s.open()
    s.say("client", "PA", b"hello", seq=1, bad=True)
    s.say("client", "PA", b"hello", wait_ms=200)
    s.say("server", "A")
    s.close()


@story("ICMP errors about one SYN: from a router, a hint; from somewhere, about a number that was never sent;\n"
       "from the host itself, that the port is unreachable.")
def icmp_kinds(s):
    s.say("client", "S")
    syn = s.last
    s.icmp("203.0.113.1", 11, 0, syn)
    s.icmp("203.0.113.9", 3, 13, syn[:24] + struct.pack("!I", 777) + syn[28:])
    s.icmp("192.0.2.2", 3, 3, syn[:28])


@story("The client half-closes, and the server aborts instead of closing.")
def fin_then_reset(s):
    s.open()
    s.say("client", "FA")
    s.say("server", "A")
    s.say("server", "RA")


@story("Data beyond the window that was offered: dropped, and answered with an ACK.")
def beyond_the_window(s):
    s.open()
    s.say("client", "PA", b"x" * 20, seq=5001)
    s.say("server", "A")
    s.say("client", "PA", b"inside")
    s.say("server", "A")


@story("A handshake in Ethernet frames with two VLAN tags (802.1ad and 802.1Q).", link=ETHERNET,
       vlans=((0x88A8, 10), (0x8100, 0x2000 | 20)))
def vlan(s):
    s.open()
    s.close()


@story("IPv6 with extension headers before TCP: hop-by-hop options, destination options, and a Fragment header\n"
       "of a packet that is whole.", v6=True,
       extensions=((0, b"\x00\x01\x04\x00\x00\x00\x00"), (60, b"\x00\x01\x04\x00\x00\x00\x00"),
                   (44, b"\x00\x00\x00\x00\x00\x00\x07")))
def ip6_extensions(s):
    s.open()
    s.close()


@story("pcapng with the direction of each packet, and a comment, recorded at the client.", form="pcapng")
def directions(s):
    s.say("client", "S", direction=2, comment="hello from the recorder")
    s.say("server", "SA", direction=1)
    s.say("client", "A", direction=2)


@story("An end that connects to its own address and port: there is one end, which receives all that it sends.")
def self_connection(s):
    s.server = s.client
    s.say("client", "S")
    s.say("client", "SA", seq=0)
    s.say("client", "A")
    s.say("client", "PA", b"to myself")
    s.say("client", "A")
    s.say("client", "FA")
    s.say("client", "A")


@story("A segment with a FIN in two IP fragments: of the first, which has the header, nobody can tell how long the\n"
       "segment is, nor which number its FIN uses.")
def fragments(s):
    s.open()
    s.say("client", "PA", b"whole")
    s.say("server", "A")
    s.say("client", "FPA", b"in two pieces, of which one is short", cut=40)
    s.say("server", "A")
    s.say("server", "FA")
    s.say("client", "A")


def main():
    for name in sys.argv[1:] or list(STORIES):
        text, form, how, function = STORIES[name]
        s = Story(**how)
        function(s)
        with open(os.path.join(FOLDER, name + "." + form), "wb") as f:
            f.write(pcap(s) if form == "pcap" else pcapng(s))
        with open(os.path.join(FOLDER, name + ".md"), "w", encoding="utf-8") as f:
            f.write("%s\n\nWritten by `captures/write.py %s`; no stack was involved.\n" % (text, name))
        print(name, len(s.frames))


if __name__ == "__main__":
    main()
