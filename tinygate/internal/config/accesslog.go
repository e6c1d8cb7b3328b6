package config

import (
	"path/filepath"
	"slices"
	"strings"
)

// LogNames are the variables that AccessLog.Format may have.
var LogNames = []string{
	"time", "local_time", "client", "method", "host", "path", "query", "protocol", "request", "status", "bytes_sent",
	"bytes_received", "duration", "route", "upstream", "server", "upstream_duration", "tries", "request_id", "user_agent",
	"referer", "tls", "error", "combined",
}

// LogCombined is Apache's combined log format (mod_log_config), with what nginx writes for an empty body: 0. It is what
// ${combined} stands for.
const LogCombined = `${client} - - [${local_time}] "${request}" ${status} ${bytes_sent} "${referer}" "${user_agent}"`

// LogFormatMax and LogVariablesMax bound a text format with LogCombined in it for each ${combined}, so that each line fits a
// buffer.
const (
	LogFormatMax    = 4 << 10
	LogVariablesMax = 64
)

// logReader reads access_log.
type logReader struct{ cfg *Config }

var accessLogSection = newSection("access_log",
	key[logReader]{"path", (*logReader).path},
	key[logReader]{"format", (*logReader).format},
)

// readAccessLog reads a path, off, or the keys.
func readAccessLog(c *Config, v value) {
	l := &logReader{cfg: c}
	c.Access.Format = "json"
	if !v.isMapping() {
		l.path(v)
	} else if given := accessLogSection.fill(l, v); !given.has("path") {
		v.fail("path is missing; write path: stdout, or the path of a file")
	}
	if c.Access.Path == "" {
		c.Access = AccessLog{}
	}
}

// logOutputs are the paths that stand for what the process was given, and not for a file.
var logOutputs = []string{"stdout", "stderr"}

func (l *logReader) path(v value) {
	for _, word := range logOutputs {
		if v.is(word) {
			l.cfg.Access.Path = word
			return
		}
	}
	if v.is(off) {
		return
	}
	s, ok := v.file(l.cfg)
	switch {
	case !ok:
	case slices.Contains(logOutputs, s): // a file of that name, which lies where the process was started
		l.cfg.Access.Path = "." + string(filepath.Separator) + s
	default:
		l.cfg.Access.Path = s
	}
}

func (l *logReader) format(v value) {
	s, n, ok := v.template("json, combined, or a text with ${...}", LogNames)
	whole := strings.ReplaceAll(s, "${combined}", LogCombined)
	combined := strings.Count(LogCombined, "${")
	n += strings.Count(s, "${combined}") * (combined - 1)
	switch {
	case !ok:
	case s == "json" || s == "combined":
		l.cfg.Access.Format = s
	case len(whole) > LogFormatMax || n > LogVariablesMax:
		v.fail("the format is too long; write at most %d bytes with %d variables, where ${combined} is %d bytes with %d",
			LogFormatMax, LogVariablesMax, len(LogCombined), combined)
	case n == 0:
		v.fail("%q is no format; write json, combined, or a text with some of ${%s}", v.n.Value, strings.Join(LogNames, "}, ${"))
	case controlAt(s) >= 0:
		v.fail("%q has a control character; the format is one line of text", v.n.Value)
	default:
		l.cfg.Access.Format = s
	}
}
