package main

import (
	"errors"
	"fmt"
)

var (
	errAbsent  = errors.New("a key that was put is absent")
	errPresent = errors.New("found a key that is absent")
	errWrong   = errors.New("not the value that was put last")
)

// Phases start at different places of the order.
var places = map[string]uint64{"get-hit": 5, "get-miss": 2, "update": 7, "erase": 9}

// How many of the requests are updates.
var updateParts = map[string]float64{"ycsb-a": 0.5, "ycsb-b": 0.05, "ycsb-c": 0}

type runner struct {
	shape
	ops      uint64
	order    []uint32
	store    store
	versions []uint32 // What each entry's value must be.
	next     uint32   // The version of the next write.
	bufKey   []byte
	bufValue []byte
	bufRead  []byte
}

func newRunner(s shape, ops uint64) *runner {
	return &runner{shape: s, ops: ops, order: newOrder(s.entries, s.seed), store: newStore(s),
		versions: make([]uint32, s.entries), next: 1,
		bufKey: make([]byte, s.keyBytes), bufValue: make([]byte, s.valueBytes)}
}

func (r *runner) run(phases []string) error {
	for _, phase := range phases {
		var err error
		switch phase {
		case "fill":
			err = measure(phase, r.entries, r.fill)
		case "get-hit":
			err = measure(phase, r.ops, func() error { return r.getHit(phase) })
		case "get-miss":
			err = measure(phase, r.ops, func() error { return r.getMiss(phase) })
		case "ycsb-a", "ycsb-b", "ycsb-c":
			err = r.ycsb(phase)
		case "update":
			err = r.update(phase)
		case "iterate":
			err = r.iterate(phase)
		case "erase":
			err = r.erase(phase)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func min(a, b uint64) uint64 {
	if a < b {
		return a
	}
	return b
}

// Calls op for `count` indexes of the order, from the place of the phase on.
func (r *runner) walk(phase string, count uint64, op func(index uint64) error) error {
	at := r.entries / 10 * places[phase]
	for i := uint64(0); i < count; i++ {
		if err := op(uint64(r.order[at])); err != nil {
			return err
		}
		if at++; at == r.entries {
			at = 0
		}
	}
	return nil
}

func (r *runner) put(index uint64, version uint32) {
	r.key(index, r.bufKey)
	r.value(r.bufKey, uint64(version), r.bufValue)
	r.store.put(r.bufKey, r.bufValue)
}

func (r *runner) getAny(index uint64) (uint64, error) {
	r.key(index, r.bufKey)
	var ok bool
	if r.bufRead, ok = r.store.get(r.bufKey, r.bufRead); !ok {
		return 0, errAbsent
	}
	version, ok := r.versionOf(r.bufKey, r.bufRead)
	if !ok {
		return 0, errWrong
	}
	return version, nil
}

func (r *runner) getExpecting(index uint64, expected uint32) error {
	version, err := r.getAny(index)
	if err == nil && version != uint64(expected) {
		return errWrong
	}
	return err
}

func (r *runner) getExpectingAbsence(index uint64) error {
	r.key(index, r.bufKey)
	var ok bool
	if r.bufRead, ok = r.store.get(r.bufKey, r.bufRead); ok {
		return errPresent
	}
	return nil
}

func (r *runner) fill() error {
	for index := uint64(0); index < r.entries; index++ {
		r.put(index, 0)
	}
	return nil
}

func (r *runner) getHit(phase string) error {
	return r.walk(phase, r.ops, func(index uint64) error { return r.getExpecting(index, 0) })
}

func (r *runner) getMiss(phase string) error {
	return r.walk(phase, r.ops, func(index uint64) error {
		return r.getExpectingAbsence(r.entries + index)
	})
}

type request struct {
	index    uint32
	isUpdate bool
}

func (r *runner) ycsb(phase string) error {
	part := updateParts[phase]
	z := newZipf(r.entries)
	random := newRandom(r.seed + 100 + uint64(phase[len(phase)-1]-'a'))
	requests := make([]request, r.ops)
	for i := range requests {
		index := r.order[z.draw(random)]
		requests[i] = request{index, random.unit() < part}
	}
	first := r.next
	err := measure(phase, r.ops, func() error {
		for i, each := range requests {
			if each.isUpdate {
				r.put(uint64(each.index), first+uint32(i))
			} else if _, err := r.getAny(uint64(each.index)); err != nil {
				return err
			}
		}
		return nil
	})
	r.next += uint32(r.ops)
	for i, each := range requests {
		if each.isUpdate {
			r.versions[each.index] = first + uint32(i)
		}
	}
	return err
}

func (r *runner) update(phase string) error {
	ops := min(r.ops, r.entries)
	version := r.next
	r.next++
	err := measure(phase, ops, func() error {
		return r.walk(phase, ops, func(index uint64) error {
			r.put(index, version)
			return nil
		})
	})
	if err != nil {
		return err
	}
	return r.walk(phase, ops, func(index uint64) error {
		r.versions[index] = version
		return r.getExpecting(index, version)
	})
}

func (r *runner) iterate(phase string) error {
	var count, sum uint64
	wrong := false
	err := measure(phase, r.entries, func() error {
		r.store.iterate(func(key, value []byte) {
			r.bufRead = append(r.bufRead[:0], value...)
			version, ok := r.versionOf(key, r.bufRead)
			wrong = wrong || !ok
			sum += token(key, version)
			count++
		})
		return nil
	})
	for index := uint64(0); index < r.entries; index++ {
		r.key(index, r.bufKey)
		sum -= token(r.bufKey, uint64(r.versions[index]))
	}
	if err == nil && (wrong || count != r.entries || sum != 0) {
		return fmt.Errorf("iterate: %d entries, not exactly the %d that were put", count, r.entries)
	}
	return err
}

func (r *runner) erase(phase string) error {
	ops := min(r.ops, r.entries)
	err := measure(phase, ops, func() error {
		return r.walk(phase, ops, func(index uint64) error {
			r.key(index, r.bufKey)
			if !r.store.erase(r.bufKey) {
				return errAbsent
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	return r.walk(phase, ops, r.getExpectingAbsence)
}
