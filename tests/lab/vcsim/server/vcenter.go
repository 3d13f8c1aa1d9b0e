package main

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
)

const (
	sdkPath      = "/sdk"
	wsdlPath     = "/sdk/vimService.wsdl"
	maxSOAPBytes = 16 << 20
)

// vcenter is the SOAP endpoint with everything that faults act on.
type vcenter struct {
	gate      *gate
	inventory *inventory
	account   *account
	certs     *certificates
	requests  *requestLog
	book      *book
	backend   http.Handler // the simulator

	// calls lets one SOAP call or one fault work on the inventory at a time: the simulator's own locks do not
	// cover an object that is removed while another call walks over it.
	calls sync.Mutex

	mu     sync.Mutex
	status int           // answer everything with this HTTP status; 0: answer properly
	delay  time.Duration // before each SOAP call
	slowed string        // only this method is delayed; empty: all are
}

func newVCenter(
	listen string, inv *inventory, a *account, certs *certificates, wsdl []byte, requests *requestLog,
) *vcenter {
	vc := &vcenter{
		gate: newGate(listen), inventory: inv, account: a, certs: certs, requests: requests, book: &book{},
	}
	service := inv.model.Service
	service.Listen = &url.URL{Scheme: "https", Host: listen, Path: sdkPath}
	service.RegisterSDK(simulator.Map)
	sessions := simulator.Map.SessionManager()
	sessions.ValidLogin = a.valid
	sessions.AccountName = downLevel
	sessions.ServiceHostName = listen
	mux := service.ServeMux
	mux.HandleFunc(wsdlPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = w.Write(wsdl)
	})
	mux.HandleFunc(sdkPath+"/vimServiceVersions.xml", service.ServiceVersions)
	mux.HandleFunc("/folder/", service.ServeDatastore)
	mux.HandleFunc("/nfc/", simulator.ServeNFC)
	vc.backend = mux
	return vc
}

// serve answers until the gate is shut.
func (vc *vcenter) serve() error {
	server := &http.Server{Handler: vc}
	err := server.Serve(tls.NewListener(vc.gate, vc.certs.config()))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// ServeHTTP answers one request, or does to it what the faults ask for, and logs it.
func (vc *vcenter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	isSOAP := r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, sdkPath)
	var body []byte
	if isSOAP {
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, maxSOAPBytes)); err != nil {
			return // the client is gone
		}
	}
	req := newRequest(r, body, start)
	defer vc.requests.write(req, start)

	vc.mu.Lock()
	status, delay := vc.status, vc.delay
	if vc.slowed != "" && vc.slowed != req.Method {
		delay = 0
	}
	vc.mu.Unlock()
	if status != 0 {
		req.Code = status
		http.Error(w, http.StatusText(status), status)
		return
	}
	if !isSOAP {
		// nova uploads images "to the ESX host", where the datacenter has this name
		r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "dcPath=ha-datacenter", "dcPath=DC0", 1)
		plain := &statusWriter{ResponseWriter: w, code: http.StatusOK}
		vc.backend.ServeHTTP(plain, r)
		req.Code = plain.code
		return
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	answer := vc.call(r, body, req.Method)
	req.Code, req.Fault = answer.code, faultOf(answer.body.Bytes())
	answer.send(w)
}

// call hands one SOAP call to the simulator and returns its whole answer, so that a client that does not read
// holds up nobody else.
func (vc *vcenter) call(r *http.Request, body []byte, method string) *answer {
	body = tolerate(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.URL.Path = sdkPath // /sdk/vimService is the same
	a := &answer{header: make(http.Header), code: http.StatusOK}
	if !strings.HasPrefix(method, "WaitForUpdates") { // those wait for other calls
		vc.calls.Lock()
		defer vc.calls.Unlock()
	}
	vc.backend.ServeHTTP(a, r)
	return a
}

var (
	zonelessTime = regexp.MustCompile(`(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+)<`)
	wholeFloat   = regexp.MustCompile(`>(\d+)\.0</`)
)

// tolerate rewrites what a vCenter takes and the simulator does not: oslo.vmware sends lastHeartbeatTime without
// a time zone, and nova sizes as 64.0.
func tolerate(body []byte) []byte {
	body = zonelessTime.ReplaceAll(body, []byte("${1}Z<"))
	return wholeFloat.ReplaceAll(body, []byte(">$1</"))
}

// setStatus and setDelay are the faults status503 and slow; zero takes them back.
func (vc *vcenter) setStatus(status int) {
	vc.mu.Lock()
	defer vc.mu.Unlock()
	vc.status = status
}

func (vc *vcenter) setDelay(delay time.Duration, method string) {
	vc.mu.Lock()
	defer vc.mu.Unlock()
	vc.delay, vc.slowed = delay, method
}

// answer is a whole HTTP response in memory.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(code int)        { a.code = code }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	}
	w.WriteHeader(a.code)
	_, _ = w.Write(a.body.Bytes())
}

// statusWriter remembers the status of a response that is passed on as it comes.
type statusWriter struct {
	http.ResponseWriter
	code int
}

func (w *statusWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}
