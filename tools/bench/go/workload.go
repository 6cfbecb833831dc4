package main

import (
	"encoding/binary"
	"math"
)

const golden = 0x9e3779b97f4a7c15

type shape struct {
	entries    uint64
	keyBytes   int
	valueBytes int
	seed       uint64
}

// splitmix64.
func scramble(x uint64) uint64 {
	x += golden
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

// Writes the low bytes of `word`, fewer than 8.
func putTail(to []byte, word uint64) {
	for i := range to {
		to[i] = byte(word >> (8 * i))
	}
}

func (s *shape) key(index uint64, key []byte) {
	word := scramble(index + s.seed*golden)
	for ; len(key) >= 8; key = key[8:] {
		binary.LittleEndian.PutUint64(key, word)
		word = scramble(word)
	}
	putTail(key, word)
}

func valueBase(key []byte, version uint64) uint64 {
	return scramble(binary.LittleEndian.Uint64(key) + version*0xd1342543de82ef95)
}

func (s *shape) value(key []byte, version uint64, value []byte) {
	if len(value) == 8 {
		binary.LittleEndian.PutUint64(value, version^valueBase(key, 0))
		return
	}
	binary.LittleEndian.PutUint64(value, version)
	word := valueBase(key, version)
	for value = value[8:]; len(value) >= 8; value = value[8:] {
		binary.LittleEndian.PutUint64(value, word)
		word += golden
	}
	putTail(value, word)
}

// The version of a value, and whether it is, byte by byte, a value of this key.
func (s *shape) versionOf(key, value []byte) (uint64, bool) {
	if len(key) != s.keyBytes || len(value) != s.valueBytes {
		return 0, false
	}
	version := binary.LittleEndian.Uint64(value)
	if len(value) == 8 {
		version ^= valueBase(key, 0)
		return version, version>>56 == 0
	}
	word := valueBase(key, version)
	var difference uint64
	rest := value[8:]
	for len(rest) >= 8 {
		difference |= binary.LittleEndian.Uint64(rest) ^ word
		rest = rest[8:]
		word += golden
	}
	for i, b := range rest {
		difference |= uint64(b ^ byte(word>>(8*i)))
	}
	return version, difference == 0
}

func token(key []byte, version uint64) uint64 { return scramble(valueBase(key, version)) }

// All indexes below n in a random order.
func newOrder(n, seed uint64) []uint32 {
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	random := scramble(^seed)
	for i := n - 1; i > 0; i-- {
		random = scramble(random)
		j := ((random >> 32) * (i + 1)) >> 32
		order[i], order[j] = order[j], order[i]
	}
	return order
}

type random struct{ state uint64 }

func newRandom(seed uint64) *random { return &random{scramble(seed)} }

func (r *random) next() uint64 {
	r.state = scramble(r.state)
	return r.state
}

func (r *random) unit() float64 { return float64(r.next()>>11) / (1 << 53) }

// Rejection-inversion, as in base/zipf.cc.
type zipf struct{ n, theta, first, last, sure float64 }

func newZipf(n uint64) *zipf {
	z := &zipf{n: float64(n), theta: 0.99}
	z.first = z.area(1.5) - 1
	z.last = z.area(z.n + 0.5)
	z.sure = 2 - z.place(z.area(2.5)-z.height(2))
	return z
}

func (z *zipf) area(x float64) float64 {
	l := math.Log(x)
	t := (1 - z.theta) * l
	if math.Abs(t) < 1e-8 {
		return l
	}
	return math.Expm1(t) / t * l
}

func (z *zipf) place(area float64) float64 {
	t := math.Max(area*(1-z.theta), -1)
	if math.Abs(t) < 1e-8 {
		return math.Exp(area)
	}
	return math.Exp(math.Log1p(t) / t * area)
}

func (z *zipf) height(x float64) float64 { return math.Exp(-z.theta * math.Log(x)) }

func (z *zipf) draw(r *random) uint64 {
	for {
		drawn := z.last + r.unit()*(z.first-z.last)
		x := z.place(drawn)
		rank := math.Min(math.Max(math.Floor(x+0.5), 1), z.n)
		if rank-x <= z.sure || drawn >= z.area(rank+0.5)-z.height(rank) {
			return uint64(rank) - 1
		}
	}
}
