package main

import (
	"fmt"
	"net"
	"strings"

	"github.com/miekg/dns"
)

// zone answers for every organization of the workload: mail comes from loopback,
// it is signed with the key, and there is a DMARC policy.
type zone struct{ key string }

// serveDNS answers on a loopback port until the program ends.
func serveDNS(key string) (addr string, err error) {
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("serve DNS: %w", err)
	}
	stream, err := net.Listen("tcp", packets.LocalAddr().String())
	if err != nil {
		packets.Close()
		return "", fmt.Errorf("serve DNS: %w", err)
	}
	for _, s := range []*dns.Server{{PacketConn: packets, Handler: zone{key}}, {Listener: stream, Handler: zone{key}}} {
		go s.ActivateAndServe()
	}
	return packets.LocalAddr().String(), nil
}

// ServeDNS answers TXT questions, with an empty answer to all others.
func (z zone) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(req)
	answer.RecursionAvailable = true
	q := req.Question[0]
	if q.Qtype == dns.TypeTXT {
		rr := &dns.TXT{Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 3600}}
		for text := z.text(q.Name); text != ""; {
			n := min(len(text), 255)
			rr.Txt = append(rr.Txt, text[:n])
			text = text[n:]
		}
		answer.Answer = append(answer.Answer, rr)
	}
	// A client that is gone needs no answer.
	_ = w.WriteMsg(answer)
}

func (z zone) text(name string) string {
	switch {
	case strings.HasPrefix(name, selector+"._domainkey."):
		return z.key
	case strings.HasPrefix(name, "_dmarc."):
		return "v=DMARC1; p=reject"
	}
	return "v=spf1 ip4:127.0.0.1 -all"
}
