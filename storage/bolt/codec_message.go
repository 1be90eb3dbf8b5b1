package bolt

import "reportmx/storage"

type wireMessage struct {
	ReceivedAt *wireTime    `cbor:"1,keyasint,omitempty"`
	Source     string       `cbor:"2,keyasint,omitempty"`
	Envelope   wireEnvelope `cbor:"3,keyasint"`
	Sender     wireSender   `cbor:"4,keyasint"`
	MessageID  string       `cbor:"5,keyasint,omitempty"`
	Subject    string       `cbor:"6,keyasint,omitempty"`
}

type wireEnvelope struct {
	ClientIP string   `cbor:"1,keyasint,omitempty"`
	Helo     string   `cbor:"2,keyasint,omitempty"`
	MailFrom string   `cbor:"3,keyasint,omitempty"`
	RcptTo   []string `cbor:"4,keyasint,omitempty"`
	TLS      string   `cbor:"5,keyasint,omitempty"`
}

type wireSender struct {
	Domain  string           `cbor:"1,keyasint,omitempty"`
	Result  string           `cbor:"2,keyasint,omitempty"`
	SPF     wireSenderSPF    `cbor:"3,keyasint"`
	DKIM    []wireSenderDKIM `cbor:"4,keyasint,omitempty"`
	Contact string           `cbor:"5,keyasint,omitempty"`
}

type wireSenderSPF struct {
	Domain string `cbor:"1,keyasint,omitempty"`
	Scope  string `cbor:"2,keyasint,omitempty"`
	Result string `cbor:"3,keyasint,omitempty"`
}

type wireSenderDKIM struct {
	Domain   string `cbor:"1,keyasint,omitempty"`
	Selector string `cbor:"2,keyasint,omitempty"`
	Result   string `cbor:"3,keyasint,omitempty"`
}

func toWireMessage(m *storage.Message) wireMessage {
	w := wireMessage{
		ReceivedAt: toWireTime(m.ReceivedAt),
		Source:     string(m.Source),
		Envelope:   wireEnvelope(m.Envelope),
		Sender: wireSender{
			Domain:  m.Sender.Domain,
			Result:  m.Sender.Result,
			SPF:     wireSenderSPF(m.Sender.SPF),
			Contact: m.Sender.Contact,
		},
		MessageID: m.MessageID,
		Subject:   m.Subject,
	}
	for _, d := range m.Sender.DKIM {
		w.Sender.DKIM = append(w.Sender.DKIM, wireSenderDKIM(d))
	}
	return w
}

func (w *wireMessage) message() storage.Message {
	m := storage.Message{
		ReceivedAt: w.ReceivedAt.time(),
		Source:     storage.Source(w.Source),
		Envelope:   storage.Envelope(w.Envelope),
		Sender: storage.Sender{
			Domain:  w.Sender.Domain,
			Result:  w.Sender.Result,
			SPF:     storage.SPFResult(w.Sender.SPF),
			Contact: w.Sender.Contact,
		},
		MessageID: w.MessageID,
		Subject:   w.Subject,
	}
	for _, d := range w.Sender.DKIM {
		m.Sender.DKIM = append(m.Sender.DKIM, storage.DKIMResult(d))
	}
	return m
}

type wireHeld struct {
	Message wireMessage `cbor:"1,keyasint"`
	Code    string      `cbor:"2,keyasint,omitempty"`
	Reason  string      `cbor:"3,keyasint,omitempty"`
	Size    int64       `cbor:"4,keyasint,omitempty"`
	Hash    []byte      `cbor:"5,keyasint"`
}

func toWireHeld(h *storage.Held) *wireHeld {
	return &wireHeld{Message: toWireMessage(&h.Message), Code: h.Code, Reason: h.Reason, Size: h.Size, Hash: h.Hash[:]}
}

// held decodes a held message.
func (c *codec) held(seq uint64, v stored) (*storage.Held, error) {
	var w wireHeld
	if _, err := c.decode(v, 0, &w); err != nil {
		return nil, err
	}
	h := &storage.Held{Seq: seq, Message: w.Message.message(), Code: w.Code, Reason: w.Reason, Size: w.Size}
	if copy(h.Hash[:], w.Hash) != len(h.Hash) {
		return nil, v.damaged("its hash is not whole")
	}
	return h, nil
}
