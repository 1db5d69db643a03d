"""A server by scapy's answering machine, for the comparison: SYN -> SYN,ACK, FIN -> FIN,ACK."""
import sys

from scapy.all import IP, TCP, AnsweringMachine, conf, send

PORT = int(sys.argv[1])


class Listener(AnsweringMachine):
    function_name = "listener"
    filter = "tcp dst port %d" % PORT
    send_function = staticmethod(send)
    send_options = {"verbose": 0}

    def is_request(self, request):
        return TCP in request and bool(request[TCP].flags & 0x03)

    def make_reply(self, request):
        ip, tcp = request[IP], request[TCP]
        flags = "SA" if tcp.flags & 0x02 else "FA"
        seq = 1000 if tcp.flags & 0x02 else tcp.ack
        return IP(src=ip.dst, dst=ip.src) / TCP(
            sport=tcp.dport, dport=tcp.sport, flags=flags, seq=seq, ack=tcp.seq + 1
        )


conf.verb = 0
print("listening on port", PORT, file=sys.stderr, flush=True)
Listener(verbose=False)(iface=sys.argv[2])
