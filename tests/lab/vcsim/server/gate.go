package main

import (
	"errors"
	"log"
	"net"
	"sync"
	"time"
)

// gate is the listener of the SOAP endpoint. It can be closed for new and old connections (refused) and frozen
// (silent), and opened again on the same address, without the HTTP server behind it noticing.
type gate struct {
	address string

	mu       sync.Mutex
	listener net.Listener // nil while closed
	conns    map[*gateConn]struct{}
	thawed   chan struct{} // nil unless frozen; closed by the thaw

	accepted chan net.Conn
	done     chan struct{}
	doneOnce sync.Once
}

func newGate(address string) *gate {
	return &gate{
		address:  address,
		conns:    make(map[*gateConn]struct{}),
		accepted: make(chan net.Conn),
		done:     make(chan struct{}),
	}
}

// open listens; it does nothing where the gate is open already.
func (g *gate) open() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", g.address)
	if err != nil {
		return err
	}
	g.listener = l
	go g.acceptFrom(l)
	return nil
}

// refuse closes the listener, so that connect() gets ECONNREFUSED, and resets every connection.
func (g *gate) refuse() {
	g.mu.Lock()
	l, conns := g.listener, g.conns
	g.listener, g.conns = nil, make(map[*gateConn]struct{})
	g.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	for c := range conns {
		c.reset()
	}
}

// freeze makes every connection, old and new, silent: TCP answers, nothing above it does.
func (g *gate) freeze() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thawed == nil {
		g.thawed = make(chan struct{})
	}
}

// thaw lets what was held go on.
func (g *gate) thaw() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.thawed != nil {
		close(g.thawed)
		g.thawed = nil
	}
}

// shut ends the gate for good.
func (g *gate) shut() {
	g.doneOnce.Do(func() { close(g.done) })
	g.refuse()
}

func (g *gate) acceptFrom(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of file descriptors, for example: it passes
			log.Printf("accept: %v", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		g.admit(l, &gateConn{Conn: c, gate: g, closed: make(chan struct{})})
	}
}

func (g *gate) admit(l net.Listener, c *gateConn) {
	g.mu.Lock()
	current := g.listener == l
	if current {
		g.conns[c] = struct{}{}
	}
	g.mu.Unlock()
	if !current { // accepted in the moment in which the gate was closed
		c.reset()
		return
	}
	select {
	case g.accepted <- c:
	case <-g.done:
		c.reset()
	}
}

// Accept, Close and Addr make the gate a net.Listener for the HTTP server.
func (g *gate) Accept() (net.Conn, error) {
	select {
	case c := <-g.accepted:
		return c, nil
	case <-g.done:
		return nil, net.ErrClosed
	}
}

// Close is what the HTTP server calls when it ends.
func (g *gate) Close() error {
	g.shut()
	return nil
}

// Addr is the address listened on, also while nothing listens.
func (g *gate) Addr() net.Addr {
	addr, err := net.ResolveTCPAddr("tcp", g.address)
	if err != nil {
		return &net.TCPAddr{}
	}
	return addr
}

// gateConn is one connection; while the gate is frozen its reads and writes wait.
type gateConn struct {
	net.Conn
	gate   *gate
	once   sync.Once
	closed chan struct{}
}

// wait returns when the gate is not frozen; false if the connection was closed meanwhile.
func (c *gateConn) wait() bool {
	for {
		c.gate.mu.Lock()
		thawed := c.gate.thawed
		c.gate.mu.Unlock()
		if thawed == nil {
			return true
		}
		select {
		case <-thawed:
		case <-c.closed:
			return false
		}
	}
}

// Read also waits after the read: bytes that arrive during the freeze are held, not handled.
func (c *gateConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if !c.wait() {
		return 0, net.ErrClosed
	}
	return n, err
}

func (c *gateConn) Write(b []byte) (int, error) {
	if !c.wait() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(b)
}

// Close waits for nothing: whoever calls it gives the connection up.
func (c *gateConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	c.gate.mu.Lock()
	delete(c.gate.conns, c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// reset closes with a RST instead of a FIN.
func (c *gateConn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
