package engine

// Queue is a queue of operations, linked by their Link: how an engine keeps what Next will return. Its zero value is
// empty. Only the loop that the engine belongs to uses it.
type Queue struct{ head, tail *Op }

// Empty reports whether there is nothing to pop.
func (q *Queue) Empty() bool { return q.head == nil }

// Push puts an operation at the end.
func (q *Queue) Push(op *Op) {
	op.Link = nil
	if q.head == nil {
		q.head = op
	} else {
		q.tail.Link = op
	}
	q.tail = op
}

// Pop takes the oldest operation, nil when there is none.
func (q *Queue) Pop() *Op {
	op := q.head
	if op != nil {
		q.head, op.Link = op.Link, nil
	}
	return op
}
