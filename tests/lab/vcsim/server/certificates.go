package main

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"sync"
	"time"
)

// certificates holds what the vCenter shows in TLS handshakes: its own certificate, or another one for the same
// key and names, signed by the lab's CA, that expires soon.
type certificates struct {
	own *tls.Certificate
	ca  *tls.Certificate // nil without -ca-cert

	mu    sync.Mutex
	shown *tls.Certificate
}

func newCertificates(certFile, keyFile, caFile, caKeyFile string) (*certificates, error) {
	own, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c := &certificates{own: &own, shown: &own}
	if caFile != "" {
		ca, err := tls.LoadX509KeyPair(caFile, caKeyFile)
		if err != nil {
			return nil, err
		}
		c.ca = &ca
	}
	return c, nil
}

// config is for the server; a changed certificate holds for connections made from then on.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"http/1.1"},
		// a resumed session would show a client no certificate, and so not the changed one
		SessionTicketsDisabled: true,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.shown, nil
		},
	}
}

// showExpiring shows a certificate that ends in so many days; in the past if negative.
func (c *certificates) showExpiring(days int) error {
	if c.ca == nil {
		return errors.New("cert-expiring needs a simulator started with -ca-cert and -ca-key")
	}
	template, err := x509.ParseCertificate(c.own.Certificate[0])
	if err != nil {
		return err
	}
	issuer, err := x509.ParseCertificate(c.ca.Certificate[0])
	if err != nil {
		return err
	}
	signer, ok := c.own.PrivateKey.(crypto.Signer)
	if !ok {
		return errors.New("the server's key cannot sign")
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	template.NotAfter = time.Now().Add(time.Duration(days) * 24 * time.Hour)
	template.NotBefore = template.NotAfter.AddDate(-1, 0, 0)
	if now := time.Now().Add(-time.Hour); template.NotBefore.After(now) {
		template.NotBefore = now
	}
	template.SignatureAlgorithm = x509.UnknownSignatureAlgorithm // the CA's key decides
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, signer.Public(), c.ca.PrivateKey)
	if err != nil {
		return err
	}
	c.show(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: c.own.PrivateKey})
	return nil
}

func (c *certificates) showOwn() { c.show(c.own) }

func (c *certificates) show(cert *tls.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shown = cert
}
