package http1

// ID names a field that this package or a proxy looks at in each message. Other fields are IDOther.
type ID uint8

// The fields that are recognised while a head is read.
const (
	IDOther ID = iota
	IDConnection
	IDContentLength
	IDDate
	IDExpect
	IDForwarded
	IDHost
	IDKeepAlive
	IDProxy // that of httpoxy: a CGI program would take it for its environment's HTTP_PROXY
	IDProxyAuthenticate
	IDProxyAuthorization
	IDProxyConnection
	IDTE
	IDTrailer
	IDTransferEncoding
	IDUpgrade
	IDVia
	IDXForwardedFor
	IDXForwardedHost
	IDXForwardedProto
	idCount
)

var idNames = [idCount]string{
	IDConnection:         "connection",
	IDContentLength:      "content-length",
	IDDate:               "date",
	IDExpect:             "expect",
	IDForwarded:          "forwarded",
	IDHost:               "host",
	IDKeepAlive:          "keep-alive",
	IDProxy:              "proxy",
	IDProxyAuthenticate:  "proxy-authenticate",
	IDProxyAuthorization: "proxy-authorization",
	IDProxyConnection:    "proxy-connection",
	IDTE:                 "te",
	IDTrailer:            "trailer",
	IDTransferEncoding:   "transfer-encoding",
	IDUpgrade:            "upgrade",
	IDVia:                "via",
	IDXForwardedFor:      "x-forwarded-for",
	IDXForwardedHost:     "x-forwarded-host",
	IDXForwardedProto:    "x-forwarded-proto",
}

// hopByHop has a bit for each ID that ends at this hop or that is written anew.
const hopByHop = 1<<IDConnection | 1<<IDContentLength | 1<<IDKeepAlive | 1<<IDProxyAuthenticate |
	1<<IDProxyAuthorization | 1<<IDProxyConnection | 1<<IDTE | 1<<IDTrailer | 1<<IDTransferEncoding |
	1<<IDUpgrade

// identify returns the ID of a field name of token characters that is not empty. Length and first letter
// leave one candidate at most.
func identify(name []byte) ID {
	var id ID
	switch uint(len(name))<<8 | uint(name[0]|0x20) {
	case 2<<8 | 't':
		id = IDTE
	case 3<<8 | 'v':
		id = IDVia
	case 4<<8 | 'd':
		id = IDDate
	case 4<<8 | 'h':
		id = IDHost
	case 5<<8 | 'p':
		id = IDProxy
	case 6<<8 | 'e':
		id = IDExpect
	case 7<<8 | 't':
		id = IDTrailer
	case 7<<8 | 'u':
		id = IDUpgrade
	case 9<<8 | 'f':
		id = IDForwarded
	case 10<<8 | 'c':
		id = IDConnection
	case 10<<8 | 'k':
		id = IDKeepAlive
	case 14<<8 | 'c':
		id = IDContentLength
	case 15<<8 | 'x':
		id = IDXForwardedFor
	case 16<<8 | 'x':
		id = IDXForwardedHost
	case 16<<8 | 'p':
		id = IDProxyConnection
	case 17<<8 | 't':
		id = IDTransferEncoding
	case 17<<8 | 'x':
		id = IDXForwardedProto
	case 18<<8 | 'p':
		id = IDProxyAuthenticate
	case 19<<8 | 'p':
		id = IDProxyAuthorization
	default:
		return IDOther
	}
	if !equalFold(name, idNames[id]) {
		return IDOther
	}
	return id
}

// Method is a request method that a proxy must tell from others.
type Method uint8

// The methods of RFC 9110 9.3, and PATCH. Methods are case-sensitive: "get" is MethodOther.
const (
	MethodOther Method = iota
	MethodGet
	MethodHead
	MethodPost
	MethodPut
	MethodDelete
	MethodConnect
	MethodOptions
	MethodTrace
	MethodPatch
)

func methodOf(name []byte) Method {
	switch string(name) {
	case "GET":
		return MethodGet
	case "HEAD":
		return MethodHead
	case "POST":
		return MethodPost
	case "PUT":
		return MethodPut
	case "DELETE":
		return MethodDelete
	case "CONNECT":
		return MethodConnect
	case "OPTIONS":
		return MethodOptions
	case "TRACE":
		return MethodTrace
	case "PATCH":
		return MethodPatch
	}
	return MethodOther
}
