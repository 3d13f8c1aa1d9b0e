package main

import (
	"fmt"
	"log"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
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
	"refused":           {plan: planRefused},
	"silent":            {plan: planSilent},
	"status503":         {plan: planStatus},
	"slow":              {plan: planSlow, args: []string{"delay"}},
	"wrong-password":    {plan: planPassword},
	"drop-sessions":     {plan: planDropSessions, onInventory: true},
	"cert-expiring":     {plan: planCertificate, args: []string{"days"}},
	"drs-off":           {plan: planDRS, args: []string{"cluster"}, onInventory: true},
	"host-disconnected": {plan: planHost, args: []string{"cluster", "host", "state"}, onInventory: true},
	"datastore-lost":    {plan: planDatastore, args: []string{"cluster", "datastore"}, onInventory: true},
	"cluster-gone":      {plan: planClusterGone, args: []string{"cluster", "rename"}, onInventory: true},
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
	text := valueOr(args, "delay", "2s")
	delay, err := time.ParseDuration(text)
	if err != nil || delay <= 0 || delay > time.Hour {
		return nil, fmt.Errorf("delay=%s: allowed is a duration up to 1h, such as 2s or 500ms", text)
	}
	set := func(d time.Duration) undo { return func() error { vc.setDelay(d); return nil } }
	return simply(map[string]string{"delay": text}, set(delay), set(0)), nil
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

func planCertificate(vc *vcenter, args map[string]string) ([]step, error) {
	text := valueOr(args, "days", "7")
	days, err := strconv.Atoi(text)
	if err != nil || days < -3650 || days > 3650 {
		return nil, fmt.Errorf("days=%s: allowed is a whole number from -3650 to 3650", text)
	}
	show := func() error { return vc.certs.showExpiring(days) }
	return simply(map[string]string{"days": text}, show, func() error { vc.certs.showOwn(); return nil }), nil
}

func planDRS(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	s := simply(args, func() error { c.setDRS(false); return nil }, func() error { c.setDRS(true); return nil })
	s[0].target = c.name
	return s, nil
}

var hostStates = []string{"disconnected", "notResponding"}

func planHost(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	host, names := c.hosts[0], []string{}
	wanted, found := args["host"], args["host"] == ""
	for _, h := range c.hosts {
		names = append(names, h.Name)
		if h.Name == wanted || h.Self.Value == wanted {
			host, found = h, true
		}
	}
	if !found {
		return nil, fmt.Errorf("host=%s: cluster %s has %s", wanted, c.name, strings.Join(names, ", "))
	}
	state := valueOr(args, "state", hostStates[0])
	if state != hostStates[0] && state != hostStates[1] {
		return nil, fmt.Errorf("state=%s: allowed are %s", state, strings.Join(hostStates, ", "))
	}
	set := func(s types.HostSystemConnectionState) undo {
		return func() error { c.setConnection(host, s); return nil }
	}
	told := map[string]string{"cluster": c.name, "host": host.Name, "state": state}
	s := simply(told, set(types.HostSystemConnectionState(state)), set(types.HostSystemConnectionStateConnected))
	s[0].target = host.Self.Value
	return s, nil
}

func planDatastore(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	var steps []step
	var names []string
	for _, ds := range c.datastores {
		ds := ds
		names = append(names, ds.Name)
		if wanted := args["datastore"]; wanted != "" && wanted != ds.Name {
			continue
		}
		set := func(reachable bool) undo {
			return func() error { c.setReachable(ds, reachable); return nil }
		}
		s := simply(map[string]string{"cluster": c.name, "datastore": ds.Name}, set(false), set(true))
		s[0].target = ds.Self.Value
		steps = append(steps, s...)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("datastore=%s: cluster %s has %s", args["datastore"], c.name, strings.Join(names, ", "))
	}
	return steps, nil
}

func planClusterGone(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	s := step{target: c.name, args: args, do: c.hide}
	if name := args["rename"]; name != "" {
		s.do = func() (undo, error) {
			c.rename(name)
			return func() error { c.rename(c.name); return nil }, nil
		}
	}
	return []step{s}, nil
}

// cluster is the one named by the argument cluster; the argument may be left out where there is only one.
func (inv *inventory) cluster(args map[string]string) (*cluster, error) {
	if args["cluster"] == "" && len(inv.clusters) == 1 {
		return inv.clusters[0], nil
	}
	var names []string
	for _, c := range inv.clusters {
		if c.name == args["cluster"] {
			return c, nil
		}
		names = append(names, c.name)
	}
	return nil, fmt.Errorf("cluster=%s: allowed are %s", args["cluster"], strings.Join(names, ", "))
}

func valueOr(args map[string]string, name, fallback string) string {
	if v := args[name]; v != "" {
		return v
	}
	return fallback
}
