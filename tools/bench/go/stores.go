package main

import "encoding/binary"

// Keys and values of any length.
type stringMap map[string][]byte

func (m stringMap) get(key, dst []byte) ([]byte, bool) {
	value, ok := m[string(key)] // Does not allocate.
	return append(dst[:0], value...), ok
}

func (m stringMap) put(key, value []byte) {
	if old, ok := m[string(key)]; ok && len(old) == len(value) {
		copy(old, value)
		return
	}
	m[string(key)] = append([]byte(nil), value...)
}

func (m stringMap) erase(key []byte) bool {
	_, ok := m[string(key)]
	delete(m, string(key))
	return ok
}

func (m stringMap) iterate(take func(key, value []byte)) {
	var bytes []byte
	for key, value := range m {
		bytes = append(bytes[:0], key...)
		take(bytes, value)
	}
}

// Integers.
type u64Map map[uint64]uint64

func (m u64Map) get(key, dst []byte) ([]byte, bool) {
	value, ok := m[binary.LittleEndian.Uint64(key)]
	return binary.LittleEndian.AppendUint64(dst[:0], value), ok
}

func (m u64Map) put(key, value []byte) {
	m[binary.LittleEndian.Uint64(key)] = binary.LittleEndian.Uint64(value)
}

func (m u64Map) erase(key []byte) bool {
	number := binary.LittleEndian.Uint64(key)
	_, ok := m[number]
	delete(m, number)
	return ok
}

func (m u64Map) iterate(take func(key, value []byte)) {
	var k, v [8]byte
	for key, value := range m {
		binary.LittleEndian.PutUint64(k[:], key)
		binary.LittleEndian.PutUint64(v[:], value)
		take(k[:], v[:])
	}
}

func newStore(s shape) store {
	if s.keyBytes == 8 && s.valueBytes == 8 {
		return u64Map{}
	}
	return stringMap{}
}
