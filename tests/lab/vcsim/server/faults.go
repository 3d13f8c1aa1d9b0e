package main

import (
	"fmt"
	"log"
	"net/http"
	"sort"
	"strconv"
	"time"

	"github.com/vmware/govmomi/simulator"
)

// fault is one kind of fault. README.md says what each does.
type fault struct {
	args []string // besides name and on
	plan func(vc *vcenter, args map[string]string) ([]step, error)

	// onInventory: its changes are made while no SOAP call runs.
	onInventory bool
}

// faults are all kinds by their names.
var faults = map[string]fault{
	"refused":              {plan: planRefused},
	"silent":               {plan: planSilent},
	"status503":            {plan: planStatus},
	"slow":                 {plan: planSlow, args: []string{"delay", "call"}},
	"wrong-password":       {plan: planPassword},
	"drop-sessions":        {plan: planDropSessions, onInventory: true},
	"age-sessions":         {plan: planAgeSessions, args: []string{"by"}, onInventory: true},
	"no-session-privilege": {plan: planSessionPrivilege, onInventory: true},
	"cert-expiring":        {plan: planCertificate, args: []string{"days"}},
	"drs-off":              {plan: planDRSOff, args: []string{"cluster"}, onInventory: true},
	"drs-manual":           {plan: planDRSManual, args: []string{"cluster", "behavior"}, onInventory: true},
	"host-disconnected":    {plan: planHost, args: []string{"cluster", "host", "state"}, onInventory: true},
	"host-maintenance":     {plan: planMaintenance, args: []string{"cluster", "host"}, onInventory: true},
	"datastore-lost":       {plan: planLost, args: []string{"cluster", "datastore"}, onInventory: true},
	"datastore-full":       {plan: planFull, args: []string{"cluster", "datastore", "free"}, onInventory: true},
	"datastore-not-shared": {plan: planNotShared, args: []string{"cluster", "datastore"}, onInventory: true},
	"cluster-gone":         {plan: planClusterGone, args: []string{"cluster", "rename"}, onInventory: true},
	"cluster-recreated":    {plan: planRecreated, args: []string{"cluster"}, onInventory: true},
}

func faultNames() []string {
	names := make([]string, 0, len(faults))
	for name := range faults {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// simply makes a plan of one change on the vCenter out of a deed and its reversal.
func simply(args map[string]string, do func() error, takeBack undo) []step {
	return []step{{args: args, do: func() (undo, error) { return takeBack, do() }}}
}

func planRefused(vc *vcenter, args map[string]string) ([]step, error) {
	return simply(args, func() error { vc.gate.refuse(); return nil }, vc.gate.open), nil
}

func planSilent(vc *vcenter, args map[string]string) ([]step, error) {
	thaw := func() error { vc.gate.thaw(); return nil }
	return simply(args, func() error { vc.gate.freeze(); return nil }, thaw), nil
}

func planStatus(vc *vcenter, args map[string]string) ([]step, error) {
	set := func(status int) undo { return func() error { vc.setStatus(status); return nil } }
	return simply(args, set(http.StatusServiceUnavailable), set(0)), nil
}

func planSlow(vc *vcenter, args map[string]string) ([]step, error) {
	delay, err := duration(args, "delay", "2s")
	if err != nil {
		return nil, err
	}
	told := map[string]string{"delay": valueOr(args, "delay", "2s")}
	if call := args["call"]; call != "" {
		told["call"] = call
	}
	set := func(d time.Duration) undo {
		return func() error { vc.setDelay(d, args["call"]); return nil }
	}
	return simply(told, set(delay), set(0)), nil
}

// duration is an argument that tells a time span of at most an hour.
func duration(args map[string]string, name, fallback string) (time.Duration, error) {
	text := valueOr(args, name, fallback)
	span, err := time.ParseDuration(text)
	if err != nil || span <= 0 || span > time.Hour {
		return 0, fmt.Errorf("%s=%s: allowed is a duration up to 1h, such as 2s or 500ms", name, text)
	}
	return span, nil
}

func planPassword(vc *vcenter, args map[string]string) ([]step, error) {
	return []step{{args: args, do: vc.account.scramble}}, nil
}

func planDropSessions(_ *vcenter, args map[string]string) ([]step, error) {
	drop := func() error {
		log.Printf("dropped %d sessions", simulator.Map.SessionManager().DropSessions())
		return nil
	}
	return simply(args, drop, nil), nil
}

func planAgeSessions(_ *vcenter, args map[string]string) ([]step, error) {
	by, err := duration(args, "by", "10m")
	if err != nil {
		return nil, err
	}
	age := func() error { simulator.Map.SessionManager().AgeSessions(by); return nil }
	return simply(args, age, nil), nil
}

func planSessionPrivilege(_ *vcenter, args map[string]string) ([]step, error) {
	set := func(hidden bool) undo {
		return func() error { simulator.Map.SessionManager().HideSessions = hidden; return nil }
	}
	return simply(args, set(true), set(false)), nil
}

func planCertificate(vc *vcenter, args map[string]string) ([]step, error) {
	text := valueOr(args, "days", "7")
	days, err := strconv.Atoi(text)
	if err != nil || days < -3650 || days > 3650 {
		return nil, fmt.Errorf("days=%s: allowed is a whole number from -3650 to 3650", text)
	}
	show := func() error { return vc.certs.showExpiring(days) }
	return simply(map[string]string{"days": text}, show, func() error { vc.certs.showOwn(); return nil }), nil
}

func valueOr(args map[string]string, name, fallback string) string {
	if v := args[name]; v != "" {
		return v
	}
	return fallback
}
