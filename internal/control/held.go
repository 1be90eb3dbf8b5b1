package control

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"reportmx/storage"
)

// Held is a held message as it is listed.
type Held struct {
	Seq        uint64    `json:"seq"`
	ReceivedAt time.Time `json:"received_at"`
	Source     string    `json:"source"`
	Code       string    `json:"code"`
	Reason     string    `json:"reason"`
	Bytes      int64     `json:"bytes"`
	ClientIP   string    `json:"client_ip"`
	Helo       string    `json:"helo"`
	MailFrom   string    `json:"mail_from"`
	RcptTo     []string  `json:"rcpt_to"`
	TLS        string    `json:"tls"`
	MessageID  string    `json:"message_id"`
	Subject    string    `json:"subject"`

	SenderDomain string `json:"sender_domain"`
	SenderResult string `json:"sender_result"`
}

func heldView(h *storage.Held) Held {
	m, e := &h.Message, &h.Message.Envelope
	return Held{
		Seq: h.Seq, ReceivedAt: m.ReceivedAt, Source: string(m.Source), Code: h.Code, Reason: h.Reason, Bytes: h.Size,
		ClientIP: e.ClientIP, Helo: e.Helo, MailFrom: e.MailFrom, RcptTo: e.RcptTo, TLS: e.TLS,
		MessageID: m.MessageID, Subject: m.Subject,
		SenderDomain: m.Sender.Domain, SenderResult: m.Sender.Result,
	}
}

// held lists the hold, oldest first.
func (s *Server) held(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	out := json.NewEncoder(w)
	var e end
	for h, err := range s.Store.HeldMessages(r.Context()) {
		if err != nil {
			e.Error = err.Error()
			break
		}
		if out.Encode(heldView(h)) != nil {
			return // the client is gone
		}
		e.Count++
	}
	e.End = e.Error == ""
	out.Encode(e)
}

// heldRaw gives a held message as it was received.
func (s *Server) heldRaw(w http.ResponseWriter, r *http.Request) {
	seq, err := sequence(r)
	if err != nil {
		fail(w, err)
		return
	}
	raw, err := s.Store.HeldRaw(seq)
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "message/rfc822")
	declareEnd(w)
	if _, err := w.Write(raw); err == nil {
		writeEnd(w, end{Count: 1}, nil)
	}
}

func (s *Server) dropHeld(w http.ResponseWriter, r *http.Request) {
	seq, err := sequence(r)
	if err == nil {
		err = s.Store.DropHeld(r.Context(), seq)
	}
	if err != nil {
		fail(w, err)
		return
	}
	answer(w, end{End: true, Count: 1})
}

func isNotFound(err error) bool { return errors.Is(err, storage.ErrNotFound) }
