// Command vcsim is one vCenter of the lab: govmomi's simulator behind TLS, with what nova's VMware driver needs
// besides, and with faults that are injected and taken back through a control socket while its state lives on.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/vmware/govmomi/simulator"
)

// options are the command line of one vCenter.
type options struct {
	listen, control   string
	shape             shape
	uuid              string
	user, passwordSrc string
	wsdl              string
	cert, key         string
	caCert, caKey     string
	requests          string
	sessionIdle       time.Duration
}

func parseFlags() (options, error) {
	var o options
	flag.StringVar(&o.listen, "listen", "127.0.0.1:8989", "`address:port` of the https SOAP endpoint")
	flag.StringVar(&o.control, "control", "", "`path` of the unix socket that takes faults and tells the state")
	flag.IntVar(&o.shape.clusters, "clusters", 2, "number of clusters, named DC0_C0, DC0_C1, ...")
	flag.IntVar(&o.shape.hosts, "hosts", 3, "number of ESX hosts in each cluster")
	flag.IntVar(&o.shape.datastores, "datastores", 2, "number of datastores of each cluster, shared by its hosts")
	flag.StringVar(&o.shape.hostDomain, "host-domain", "", "name hosts dc0-c0-h0.`domain`; without it DC0_C0_H0")
	flag.StringVar(&o.uuid, "uuid", "11111111-2222-3333-4444-555555555555", "instanceUuid of the vCenter")
	flag.StringVar(&o.user, "user", "nova@vsphere.local", "the account that may log in")
	flag.StringVar(&o.passwordSrc, "password-file", "", "`file` that holds the account's password")
	flag.StringVar(&o.wsdl, "wsdl", "", "`file` served as /sdk/vimService.wsdl")
	flag.StringVar(&o.cert, "cert", "", "server certificate, PEM `file`")
	flag.StringVar(&o.key, "key", "", "its private key, PEM `file`")
	flag.StringVar(&o.caCert, "ca-cert", "", "CA that signs for the fault cert-expiring, PEM `file` (optional)")
	flag.StringVar(&o.caKey, "ca-key", "", "private key of that CA, PEM `file` (optional)")
	flag.StringVar(&o.requests, "requests", "", "`file` to which each request is appended as a line of JSON (optional)")
	flag.DurationVar(&o.sessionIdle, "session-idle", 30*time.Minute, "an idle session expires after this")
	flag.Parse()

	if flag.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flag.Arg(0))
	}
	for name, value := range map[string]string{
		"control": o.control, "password-file": o.passwordSrc, "wsdl": o.wsdl, "cert": o.cert, "key": o.key,
	} {
		if value == "" {
			return o, fmt.Errorf("-%s is required", name)
		}
	}
	if (o.caCert == "") != (o.caKey == "") {
		return o, errors.New("-ca-cert and -ca-key belong together")
	}
	return o, o.shape.check()
}

// build makes the vCenter out of its options; nothing listens yet.
func build(o options) (*vcenter, error) {
	password, err := os.ReadFile(o.passwordSrc)
	if err != nil {
		return nil, err
	}
	wsdl, err := os.ReadFile(o.wsdl)
	if err != nil {
		return nil, err
	}
	certs, err := newCertificates(o.cert, o.key, o.caCert, o.caKey)
	if err != nil {
		return nil, err
	}
	requests, err := openRequestLog(o.requests)
	if err != nil {
		return nil, err
	}
	simulator.SessionIdleTimeout = o.sessionIdle
	inventory, err := newInventory(o.shape, o.uuid)
	if err != nil {
		return nil, err
	}
	account := &account{user: o.user, password: strings.TrimRight(string(password), "\r\n")}
	return newVCenter(o.listen, inventory, account, certs, wsdl, requests), nil
}

// serve runs the SOAP endpoint and the control socket until a signal asks to stop.
func serve(o options, vc *vcenter) error {
	if err := os.Remove(o.control); err != nil && !os.IsNotExist(err) {
		return err
	}
	socket, err := net.Listen("unix", o.control)
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := os.Chmod(o.control, 0o600); err != nil {
		return err
	}
	if err := vc.gate.open(); err != nil {
		return err
	}
	control := &http.Server{Handler: newControl(vc), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 2)
	go func() { failed <- control.Serve(socket) }()
	go func() { failed <- vc.serve() }()
	log.Printf("vCenter %s listens on %s", o.uuid, o.listen)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	select {
	case err = <-failed:
	case <-stop:
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = control.Shutdown(ctx)
	vc.gate.shut()
	return err
}

func main() {
	o, err := parseFlags()
	if err != nil {
		fmt.Fprintf(os.Stderr, "vcsim: %v\n", err)
		os.Exit(2)
	}
	vc, err := build(o)
	if err == nil {
		err = serve(o, vc)
		vc.inventory.remove()
	}
	if err != nil {
		log.Fatalf("vcsim: %v", err)
	}
}
