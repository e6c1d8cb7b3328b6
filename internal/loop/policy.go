package loop

// policy decides how a turn waits. A loop asks the engine for what is there without sleeping (Poll) and sleeps only when
// there was nothing: an entry that cannot sleep needs none of the scheduler's bookkeeping for blocking calls, which
// costs an eighth of a saturated loop's time.
type policy struct {
	batch bool
}

func (p *policy) poll(l *Loop) (ready bool, err error) {
	return l.eng.Poll()
}
