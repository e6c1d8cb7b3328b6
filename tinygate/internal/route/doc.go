// Package route finds the route of a request, and makes the paths that go on.
//
// # Which route a request gets
//
// Each route has hosts, a path and other conditions (method, scheme, header fields, parameters of the query, the
// client's address). A request gets the route whose host is the most specific; among those with the same host the one whose path
// is the most specific; among those with the same path the first in the file whose other conditions hold. When no
// condition holds there, the next less specific path of the same host is tried, then the next less specific host. When
// nothing is left there is no route.
//
// Hosts, most specific first:
//
//  1. the name itself, compared without case and without one dot at its end; an IPv6 address is compared as text;
//  2. "*.example.com", which is for all names below example.com, however deep, and not for example.com: the longest first;
//  3. any host, which is what a route without hosts has.
//
// Paths are compared segment by segment, a segment being what stands between two slashes; "/a/" has an empty one at its
// end, and is another path than "/a". A path text is one of these:
//
//   - exact, which fits the path that is the same;
//   - a prefix with a slash at its end: "/api/" fits "/api/" and all below, not "/api";
//   - a prefix without one: "/api" fits "/api", "/api/" and all below, not "/apix";
//   - a pattern: "*" is one segment that is not empty, and "/**" at the end is the same as a prefix with a slash at its end.
//
// Of two that fit a request, look for the first segment at which they differ: a literal segment is more specific than "*",
// and "*" more than the rest that a prefix or "/**" leaves open. So of "/users/me/", "/users/*/posts" and "/users/", which
// all fit /users/me/posts, the first wins, then the second. If there is no such segment, exact comes before the others,
// and "/api/" before "/api"; otherwise they are equally specific, and the first in the file wins. A route for any path comes
// last; it alone is for "*", the target of OPTIONS. Letters in paths are compared as they are written (RFC 3986 6.2.2.1): in
// front of servers that do not tell "/Admin" from "/admin", a condition has to be on all that is not known to be free.
//
// Other conditions:
//
//   - Methods are compared as they are written; GET does not include HEAD.
//   - A field that has several lines, or a parameter that occurs several times, holds when any of them does. A line is
//     compared whole, with its commas. Absent means that there is none of that name.
//   - Parameters are separated by '&'. Names and values are compared decoded: %XX is a byte, '+' a space; a '%' without
//     two hexadecimal digits is a '%' (URL Standard, 1.3 and 5.1). A parameter without '=' has an empty value.
//   - A client's address without its zone is looked for in the prefixes; IPv4 in IPv6 (::ffff:192.0.2.1) is IPv4.
//
// # Paths
//
// Routes see the path that [Normalize] returns, and servers have to get the same one: a server that reads a path otherwise
// than the gate would serve what a route was to keep from the client. Normalize
//
//   - decodes escapes of unreserved characters and writes the others with capitals (RFC 3986 6.2.2.1, 6.2.2.2): /%61dmin
//     is /admin;
//   - makes one slash of several. Many servers do so (nginx: merge_slashes), and "//admin/" would else be under "/" here
//     and under "/admin/" there. The price is that an address with "//" in its path cannot be passed on: an embedded URL has
//     to be escaped;
//   - removes dot segments, after that (RFC 3986 5.2.4), also those written with %2E. "/.." is "/";
//   - refuses an escaped NUL, which would end the path early in programs that are written in C; a backslash, which Windows
//     and browsers take for a slash (URL Standard 4.4), and which no client sends that escapes as it should; and dot
//     segments that only some servers see: those with parameters ("..;x", which Java's servers treat as ".."), and those
//     which appear when an escaped slash or backslash is decoded ("..%2Fadmin").
//
// An escaped slash (%2F) or backslash (%5C) stays. Some servers decode it, some do not, and some need it as it is: the
// names of packages in npm's registry, of projects in GitLab's API. The gate cannot know, so [Table.Find] looks at both
// readings, and the request has a route only if both lead to the same one: behind a route for "/" such paths pass, but
// /admin%2Fx is ambiguous when "/admin/" and "/" are two. A path that has both escapes is refused, as it has more readings.
//
// Only one layer of escapes is looked at: %252E is the text "%2E" in a file's name. Parameters of segments (";x") other
// than of dot segments are part of the segment.
package route
