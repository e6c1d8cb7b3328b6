package randread

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"time"

	"github.com/unio-go/unio/bench/internal/rounds"
)

const (
	// heatColumns divide a slice.
	heatColumns = 20
	// heatRowsPerDoubling divide the time between a latency and twice of it.
	heatRowsPerDoubling = 4
	// heatFloor is the latency below which all is one row.
	heatFloor = 256 * time.Nanosecond
	// heatRows reach 17 seconds.
	heatRows = 26*heatRowsPerDoubling + 1
)

// Heat counts the reads of a slice by when they ended and how long they took. A cell is its column, row and count.
type Heat map[[2]int]int

// heatRow is the row of a latency.
func heatRow(d time.Duration) int {
	if d <= heatFloor {
		return 0
	}
	return min(1+int(heatRowsPerDoubling*math.Log2(float64(d)/float64(heatFloor))), heatRows-1)
}

// heatCounter collects a heat map.
type heatCounter [heatColumns * heatRows]int

// add counts n reads that ended at a share of the slice, 0 to 1; what ended later stands in the last column.
func (h *heatCounter) add(share float64, latency time.Duration, n int) {
	column := min(max(int(share*heatColumns), 0), heatColumns-1)
	h[column*heatRows+heatRow(latency)] += n
}

// heat is what was counted.
func (h *heatCounter) heat() Heat {
	all := Heat{}
	for i, n := range h {
		if n > 0 {
			all[[2]int{i / heatRows, i % heatRows}] = n
		}
	}
	return all
}

// MarshalJSON writes the cells as one list of numbers: column, row, count, and again.
func (h Heat) MarshalJSON() ([]byte, error) {
	flat := make([]int, 0, 3*len(h))
	for _, cell := range h.cells() {
		flat = append(flat, cell[0], cell[1], h[cell])
	}
	return json.Marshal(flat)
}

// cells lists the places that have a count, by column and row.
func (h Heat) cells() [][2]int {
	cells := make([][2]int, 0, len(h))
	for cell := range h {
		cells = append(cells, cell)
	}
	slices.SortFunc(cells, func(a, b [2]int) int { return (a[0]-b[0])*heatRows + a[1] - b[1] })
	return cells
}

// UnmarshalJSON undoes MarshalJSON.
func (h *Heat) UnmarshalJSON(b []byte) error {
	var flat []int
	if err := json.Unmarshal(b, &flat); err != nil {
		return err
	}
	if len(flat)%3 != 0 {
		return fmt.Errorf("heat map of %d numbers: want threes", len(flat))
	}
	*h = Heat{}
	for cell := range slices.Chunk(flat, 3) {
		if cell[0] < 0 || cell[0] >= heatColumns || cell[1] < 0 || cell[1] >= heatRows || cell[2] < 0 {
			return fmt.Errorf("heat map: no cell %v", cell)
		}
		(*h)[[2]int{cell[0], cell[1]}] = cell[2]
	}
	return nil
}

// heatLine is one line of the file of heat maps: the sample of that name in that round.
type heatLine struct {
	Name  string
	Round int
	Heat  Heat
}

// HeatFile is the name of the file of heat maps that belongs to a raw file.
func HeatFile(raw string) string { return rounds.Base(raw) + ".heat.gz" }

// writeHeat writes the heat maps of samples, as lines of JSON under gzip.
func writeHeat(name string, samples []Sample) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	enc := json.NewEncoder(z)
	rounds := map[string]int{}
	for _, s := range samples {
		key := benchName(s.Contender, s.Case)
		line := heatLine{Name: key, Round: rounds[key], Heat: s.Heat}
		rounds[key]++
		if s.Heat == nil {
			continue
		}
		if err := enc.Encode(line); err != nil {
			return err
		}
	}
	return z.Close()
}

// ReadHeat adds the heat maps of a raw file to its samples. A raw file without them has none to show.
func ReadHeat(raw string, samples []Sample) (err error) {
	name := HeatFile(raw)
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(bufio.NewReader(f))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	type key struct {
		name  string
		round int
	}
	maps := map[key]Heat{}
	for dec := json.NewDecoder(z); ; {
		var line heatLine
		if err := dec.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		maps[key{line.Name, line.Round}] = line.Heat
	}
	rounds := map[string]int{}
	for i := range samples {
		id := benchName(samples[i].Contender, samples[i].Case)
		samples[i].Heat = maps[key{id, rounds[id]}]
		rounds[id]++
	}
	return nil
}
