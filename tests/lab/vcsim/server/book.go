package main

import "sync"

// step is one change that a fault makes: on one cluster, host or datastore, or (target "") on the vCenter.
type step struct {
	target string
	args   map[string]string    // told by GET /state
	do     func() (undo, error) // makes the change
}

// undo takes a change back.
type undo = func() error

// entry is a change that is in force.
type entry struct {
	kind, target string
	args         map[string]string
	undo         undo
}

// book keeps which faults are in force, so that several can be at once and each can be taken back.
type book struct {
	mu      sync.Mutex
	entries []entry
}

// inject makes the changes; one that is in force already on the same target is taken back first.
func (b *book) inject(kind string, steps []step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range steps {
		if err := b.undo(kind, s.target, false); err != nil {
			return err
		}
		takeBack, err := s.do()
		if err != nil {
			return err
		}
		if takeBack != nil { // nil: happened once, nothing stays in force
			b.entries = append(b.entries, entry{kind, s.target, s.args, takeBack})
		}
	}
	return nil
}

// clear takes back the changes of one kind on the targets of the steps.
func (b *book) clear(kind string, steps []step) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range steps {
		if err := b.undo(kind, s.target, false); err != nil {
			return err
		}
	}
	return nil
}

// clearKind takes back every change of one kind; of all kinds where kind is empty.
func (b *book) clearKind(kind string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.undo(kind, "", true)
}

// undo takes back the matching entries, the newest first. An entry that fails stays in the book.
func (b *book) undo(kind, target string, everyTarget bool) error {
	for i := len(b.entries) - 1; i >= 0; i-- {
		e := b.entries[i]
		if (kind != "" && e.kind != kind) || (!everyTarget && e.target != target) {
			continue
		}
		if err := e.undo(); err != nil {
			return err
		}
		b.entries = append(b.entries[:i], b.entries[i+1:]...)
	}
	return nil
}

// current maps each kind in force to the arguments of its changes.
func (b *book) current() map[string][]map[string]string {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := make(map[string][]map[string]string)
	for _, e := range b.entries {
		all[e.kind] = append(all[e.kind], e.args)
	}
	return all
}
