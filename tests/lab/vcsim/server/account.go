package main

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"strings"
	"sync"
)

// account is the one account that may log in.
type account struct {
	user string

	mu       sync.Mutex
	password string
}

func (a *account) valid(user, password string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	same := subtle.ConstantTimeCompare([]byte(password), []byte(a.password)) == 1
	return same && user == a.user
}

// downLevel spells user@domain as a vCenter does in its sessions: DOMAIN\user.
func downLevel(user string) string {
	at := strings.LastIndex(user, "@")
	if at < 0 {
		return user
	}
	return strings.ToUpper(user[at+1:]) + `\` + user[:at]
}

// scramble changes the password to a random one and returns the function that brings the old one back.
// Sessions live on, as in vCenter.
func (a *account) scramble() (func() error, error) {
	random := make([]byte, 24)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	old := a.set(hex.EncodeToString(random))
	return func() error {
		a.set(old)
		return nil
	}, nil
}

func (a *account) set(password string) (old string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, a.password = a.password, password
	return old
}
