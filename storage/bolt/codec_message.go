package bolt

import "reportmx/storage"

const (
	messageReceivedAt = 1
	messageSource     = 2
	messageEnvelope   = 3
	messageSender     = 4
	messageID         = 5
	messageSubject    = 6
)

func (w *writer) message(field int, m *storage.Message) {
	w.begin(field)
	w.time(messageReceivedAt, m.ReceivedAt)
	w.string(messageSource, string(m.Source))
	w.begin(messageEnvelope)
	w.texts(envelopeTexts(&m.Envelope))
	w.strings(envelopeRcptTo, m.Envelope.RcptTo)
	w.end()
	w.sender(messageSender, &m.Sender)
	w.string(messageID, m.MessageID)
	w.string(messageSubject, m.Subject)
	w.end()
}

func (r *reader) message(m *storage.Message) {
	for r.enter(); r.next(); {
		switch r.field {
		case messageReceivedAt:
			m.ReceivedAt = r.time()
		case messageSource:
			m.Source = storage.Source(r.string())
		case messageEnvelope:
			r.envelope(&m.Envelope)
		case messageSender:
			r.sender(&m.Sender)
		case messageID:
			m.MessageID = r.string()
		case messageSubject:
			m.Subject = r.string()
		default:
			r.skip()
		}
	}
}

const envelopeRcptTo = 4

func envelopeTexts(e *storage.Envelope) texts {
	return texts{1: &e.ClientIP, 2: &e.Helo, 3: &e.MailFrom, 5: &e.TLS}
}

func (r *reader) envelope(e *storage.Envelope) {
	t := envelopeTexts(e)
	for r.enter(); r.next(); {
		switch {
		case r.field == envelopeRcptTo:
			e.RcptTo = append(e.RcptTo, r.string())
		case !r.text(t):
			r.skip()
		}
	}
}

const (
	senderSPF  = 3
	senderDKIM = 4
)

func senderTexts(s *storage.Sender) texts { return texts{1: &s.Domain, 2: &s.Result, 5: &s.Contact} }

func (w *writer) sender(field int, s *storage.Sender) {
	w.begin(field)
	w.texts(senderTexts(s))
	w.short(senderSPF, s.SPF.Domain, s.SPF.Scope, s.SPF.Result, "")
	for i := range s.DKIM {
		d := &s.DKIM[i]
		w.short(senderDKIM, d.Domain, d.Selector, d.Result, "")
	}
	w.end()
}

func (r *reader) sender(s *storage.Sender) {
	t := senderTexts(s)
	for r.enter(); r.next(); {
		switch r.field {
		case senderSPF:
			r.short(&s.SPF.Domain, &s.SPF.Scope, &s.SPF.Result, nil)
		case senderDKIM:
			var d storage.DKIMResult
			r.short(&d.Domain, &d.Selector, &d.Result, nil)
			s.DKIM = append(s.DKIM, d)
		default:
			if !r.text(t) {
				r.skip()
			}
		}
	}
}

const (
	heldMessage = 1 + iota
	heldCode
	heldReason
	heldSize
	heldHash
	heldCost
)

// newHeld encodes a held message.
func (c *codec) newHeld(h *storage.Held) (*value, error) {
	w := newWriter()
	w.message(heldMessage, &h.Message)
	w.string(heldCode, h.Code)
	w.string(heldReason, h.Reason)
	w.signed(heldSize, h.Size)
	w.bytes(heldHash, h.Hash[:])
	w.signed(heldCost, h.Cost)
	return c.finish(w, 0)
}

// held decodes a held message.
func (c *codec) held(seq uint64, v stored) (h *storage.Held, err error) {
	_, body, err := c.open(v, 0)
	if err != nil {
		return nil, err
	}
	if v.version() == versionCBOR {
		h, err = c.heldV1(body)
	} else {
		err = parse(body, func(in *reader) { h = in.held() })
	}
	if err != nil {
		return nil, v.damaged("%v", err)
	}
	h.Seq = seq
	return h, nil
}

func (r *reader) held() *storage.Held {
	h := &storage.Held{}
	hashed := false
	for r.next() {
		switch r.field {
		case heldMessage:
			r.message(&h.Message)
		case heldCode:
			h.Code = r.string()
		case heldReason:
			h.Reason = r.string()
		case heldSize:
			h.Size = r.signed()
		case heldHash:
			r.hash(h.Hash[:])
			hashed = true
		case heldCost:
			h.Cost = r.signed()
		default:
			r.skip()
		}
	}
	if !hashed {
		r.fail("its hash is missing")
	}
	return h
}
