package proxyproto

import (
	"encoding/binary"
	"net/netip"
)

// line is a header of version 1.
func line(family, source, destination, sourcePort, destinationPort string) string {
	return "PROXY " + family + " " + source + " " + destination + " " + sourcePort + " " + destinationPort + "\r\n"
}

type tlv struct {
	kind  byte
	value string
}

// binary2 is a header of version 2 around any block of addresses.
func binary2(command, family byte, addresses string, tlvs ...tlv) string {
	b := append([]byte(signature2), command, family, 0, 0)
	b = append(b, addresses...)
	sum := 0
	for _, v := range tlvs {
		b = append(b, v.kind)
		b = binary.BigEndian.AppendUint16(b, uint16(len(v.value)))
		if v == crcTLV {
			sum = len(b)
		}
		b = append(b, v.value...)
	}
	binary.BigEndian.PutUint16(b[lengthOff:], uint16(len(b)-fixedBytes))
	if sum > 0 {
		binary.BigEndian.PutUint32(b[sum:], checksum(b, sum))
	}
	return string(b)
}

// crcTLV is filled in by binary2.
var crcTLV = tlv{tlvCRC, "\x00\x00\x00\x00"}

// block is the addresses of INET or INET6.
func block(source, destination string) string {
	s, d := netip.MustParseAddrPort(source), netip.MustParseAddrPort(destination)
	b := append(s.Addr().AsSlice(), d.Addr().AsSlice()...)
	b = binary.BigEndian.AppendUint16(b, s.Port())
	return string(binary.BigEndian.AppendUint16(b, d.Port()))
}
