package config

import "strings"

// httpsRedirect keeps method and body of what is sent again, and may be kept by clients: http is not coming back.
const httpsRedirect = 308

// redirectDefault keeps method and body, and is not kept by clients, so that a mistake can be taken back.
const redirectDefault = 307

var redirectSection = newSection("redirect",
	key[Redirect]{"to", readRedirectTo},
	key[Redirect]{"status", func(d *Redirect, v value) { v.status(&d.Status, 301, 302, 303, 307, 308) }},
)

func readRedirect(v value) *Redirect {
	d := &Redirect{}
	if v.isMapping() {
		if given := redirectSection.fill(d, v); !given.has("to") {
			v.fail("to is missing; write https, a URL or a path")
		}
	} else {
		readRedirectTo(d, v)
	}
	switch {
	case d.Status != 0:
	case d.HTTPS:
		d.Status = httpsRedirect
	default:
		d.Status = redirectDefault
	}
	return d
}

func readRedirectTo(d *Redirect, v value) {
	const want = "https, a URL such as https://example.com${path}, or a path"
	s, _, ok := v.template(want, RedirectNames)
	if !ok {
		return
	}
	if s == "https" {
		d.HTTPS = true
		return
	}
	switch cure := redirectFault(s); {
	case cure != "":
		v.fail("%q is no address; %s", v.n.Value, cure)
	case strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' || c == '"' }):
		v.fail("%q has a character that cannot stand in an address; write it as %% and its bytes", v.n.Value)
	default:
		d.To = s
	}
}

// redirectFault is what to do about an address that is none, or by which a client could choose the host that it is sent
// to: ${path} begins with a slash, so behind another one it would name a host.
func redirectFault(s string) string {
	before, _, _ := strings.Cut(s, "?")
	scheme, rest, absolute := strings.Cut(before, "://")
	switch {
	case strings.Contains(before, "${query}"):
		return "the query follows a question mark: write ?${query}"
	case strings.HasPrefix(s, "${path}"):
	case strings.HasPrefix(s, "/${path}"):
		return "${path} begins with a slash itself; write it without the one before it"
	case strings.HasPrefix(s, "//"):
		return "write https: or http: before the slashes"
	case strings.HasPrefix(s, "/"):
	case !absolute || scheme != "https" && scheme != "http" && scheme != "${scheme}":
		return "write https, a URL such as https://example.com${path}, or a path"
	case rest == "" || strings.ContainsAny(rest[:1], "/#:@") || strings.HasPrefix(rest, "${path}"):
		return "behind :// stands a host; write it, or ${host}"
	}
	return ""
}

var answerSection = newSection("answer",
	key[Answer]{"status", func(a *Answer, v value) { v.status(&a.Status) }},
	key[Answer]{"type", func(a *Answer, v value) {
		if s, ok := v.text("a media type such as text/html"); ok && v.fieldValue(s) {
			a.Type = s
		}
	}},
	key[Answer]{"body", func(a *Answer, v value) {
		s, ok := v.text("a text")
		switch {
		case !ok:
		case len(s) > answerBytesMax:
			v.fail("the text has %d bytes; write at most %s, and have a server send more", len(s), sizeText(answerBytesMax))
		default:
			a.Body = s
		}
	}},
)

// readAnswer reads a status or the keys.
func readAnswer(v value) *Answer {
	a := &Answer{Status: 200}
	if !v.isMapping() {
		v.status(&a.Status)
		return a
	}
	answerSection.fill(a, v)
	if a.Body == "" {
		return a
	}
	if a.Type == "" {
		a.Type = "text/plain; charset=utf-8"
	}
	if a.Status == 204 || a.Status == 205 || a.Status == 304 {
		v.fail("a response with status %d has no body (RFC 9110 15); take body out or write another status", a.Status)
	}
	return a
}

var rewriteSection = newSection("rewrite",
	key[Rewrite]{"strip", func(w *Rewrite, v value) { w.Strip, _ = v.requestPath() }},
	key[Rewrite]{"add", func(w *Rewrite, v value) { w.Add, _ = v.requestPath() }},
	key[Rewrite]{"path", func(w *Rewrite, v value) { w.Path, _ = v.requestPath() }},
)

func readRewrite(v value) *Rewrite {
	w := &Rewrite{}
	given := rewriteSection.fill(w, v)
	switch {
	case given == nil:
	case len(given) == 0:
		v.fail("nothing is rewritten; write strip, add or path")
	case given.has("path") && len(given) > 1:
		v.fail("path replaces all, so strip and add have no effect beside it; take them out")
	}
	return w
}
