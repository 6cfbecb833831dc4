// hmap-bench-go: the phases of hmap-bench on Go's own map, in memory. Run by hmap-bench, which
// hands the shape of the entries on; prints a JSON object a line for each phase.
//
// Keys, values, their order and the requests are those of the C++ program (base/workload,
// base/random, base/zipf, measures/requests), so that both do the same work.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// What the phases are run on.
type store interface {
	// Appends the value to dst[:0]; false if the key is absent.
	get(key, dst []byte) ([]byte, bool)
	put(key, value []byte)
	erase(key []byte) bool
	iterate(take func(key, value []byte))
}

type result struct {
	Phase      string  `json:"phase"`
	Ops        uint64  `json:"ops"`
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

func cpuSeconds() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)*1e-6 }
	return seconds(usage.Utime) + seconds(usage.Stime)
}

func measure(phase string, ops uint64, work func() error) error {
	cpu := cpuSeconds()
	begin := time.Now()
	if err := work(); err != nil {
		return fmt.Errorf("%s: %w", phase, err)
	}
	seconds := time.Since(begin).Seconds()
	return json.NewEncoder(os.Stdout).Encode(result{phase, ops, seconds, cpuSeconds() - cpu})
}

func describe() error {
	words := runtime.Version() + " map[string][]byte, or map[uint64]uint64, in memory; " +
		"a program of its own, without hmap-bench's virtual calls"
	return json.NewEncoder(os.Stdout).Encode(map[string]string{"description": words})
}

func main() {
	var s shape
	flag.Uint64Var(&s.entries, "entries", 1000, "")
	flag.IntVar(&s.keyBytes, "key-bytes", 16, "")
	flag.IntVar(&s.valueBytes, "value-bytes", 100, "")
	flag.Uint64Var(&s.seed, "seed", 1, "")
	ops := flag.Uint64("ops", 1000, "operations of each phase but fill and iterate")
	phases := flag.String("phases", "fill,get-hit", "")
	about := flag.Bool("describe", false, "print version and types and end")
	flag.Parse()
	err := errors.New("keys of 8 bytes or more, values of 8 bytes or more")
	if *about {
		err = describe()
	} else if s.keyBytes >= 8 && s.valueBytes >= 8 && s.entries > 0 {
		err = newRunner(s, *ops).run(strings.Split(*phases, ","))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hmap-bench-go:", err)
		os.Exit(2)
	}
}
