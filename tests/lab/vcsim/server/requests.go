package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"log"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/vim25/soap"
)

// shownKeyLength keeps session keys in logs and answers too short to be used.
const shownKeyLength = 8

// request is one line of the request log.
type request struct {
	Time    string  `json:"time"`
	Method  string  `json:"method"`            // of SOAP, else of HTTP
	On      string  `json:"on"`                // the managed object, else the path
	Session string  `json:"session,omitempty"` // the first characters of its key
	Client  string  `json:"client"`
	Agent   string  `json:"agent"`
	Code    int     `json:"code"`            // 0: the connection ended before an answer
	Fault   string  `json:"fault,omitempty"` // type of the SOAP fault
	Millis  float64 `json:"ms"`
}

func newRequest(r *http.Request, body []byte, start time.Time) *request {
	req := &request{
		Time:   start.UTC().Format("2006-01-02T15:04:05.000000Z"),
		Method: r.Method, On: r.URL.Path, Client: r.RemoteAddr, Agent: r.UserAgent(),
	}
	if method, on := soapCall(body); method != "" {
		req.Method, req.On = method, on
	}
	if cookie, err := r.Cookie(soap.SessionCookieName); err == nil {
		req.Session = shortKey(cookie.Value)
	}
	return req
}

func shortKey(key string) string {
	key = strings.Trim(key, `"`)
	if len(key) > shownKeyLength {
		return key[:shownKeyLength]
	}
	return key
}

// soapCall finds the method and the managed object in a SOAP envelope; both are empty where it is none.
func soapCall(body []byte) (method, on string) {
	decoder := xml.NewDecoder(bytes.NewReader(body))
	inBody := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return method, on
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
		case !inBody:
			inBody = start.Name.Local == "Body"
		case method == "":
			method = start.Name.Local
		case start.Name.Local == "_this":
			var value string
			if decoder.DecodeElement(&value, &start) != nil {
				return method, on
			}
			for _, a := range start.Attr {
				if a.Name.Local == "type" {
					value = a.Value + ":" + value
				}
			}
			return method, value
		}
	}
}

var faultType = regexp.MustCompile(`<detail><[A-Za-z]+Fault [^>]*type="([A-Za-z0-9]+)"`)

// faultOf is the type of the SOAP fault in an answer, or empty.
func faultOf(answer []byte) string {
	if m := faultType.FindSubmatch(answer); m != nil {
		return string(m[1])
	}
	return ""
}

// requestLog appends requests to a file as lines of JSON.
type requestLog struct {
	mu   sync.Mutex
	file *os.File // nil: no log
}

func openRequestLog(path string) (*requestLog, error) {
	if path == "" {
		return &requestLog{}, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &requestLog{file: f}, err
}

func (l *requestLog) write(req *request, start time.Time) {
	if l.file == nil {
		return
	}
	req.Millis = float64(time.Since(start).Microseconds()) / 1000
	line, err := json.Marshal(req)
	if err != nil {
		log.Printf("request log: %v", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, err := l.file.Write(append(line, '\n')); err != nil {
		log.Printf("request log: %v", err)
	}
}
