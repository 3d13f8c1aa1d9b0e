package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// change makes a plan of one change of the cluster that the arguments name.
func change(vc *vcenter, args map[string]string, do, takeBack func(*cluster) error) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	s := simply(args, func() error { return do(c) }, func() error { return takeBack(c) })
	s[0].target = c.name
	return s, nil
}

func planDRSOff(vc *vcenter, args map[string]string) ([]step, error) {
	set := func(enabled bool) func(*cluster) error {
		return func(c *cluster) error { c.setDRS(enabled, c.drs().DefaultVmBehavior); return nil }
	}
	return change(vc, args, set(false), set(true))
}

var notAutomated = []string{string(types.DrsBehaviorManual), string(types.DrsBehaviorPartiallyAutomated)}

func planDRSManual(vc *vcenter, args map[string]string) ([]step, error) {
	behavior := valueOr(args, "behavior", notAutomated[0])
	if !contains(notAutomated, behavior) {
		return nil, fmt.Errorf("behavior=%s: allowed are %s", behavior, strings.Join(notAutomated, ", "))
	}
	set := func(b types.DrsBehavior) func(*cluster) error {
		return func(c *cluster) error { c.setDRS(*c.drs().Enabled, b); return nil }
	}
	return change(vc, args, set(types.DrsBehavior(behavior)), set(types.DrsBehaviorFullyAutomated))
}

var hostStates = []string{"disconnected", "notResponding"}

func planHost(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	host, err := c.host(args)
	if err != nil {
		return nil, err
	}
	state := valueOr(args, "state", hostStates[0])
	if state != hostStates[0] && state != hostStates[1] {
		return nil, fmt.Errorf("state=%s: allowed are %s", state, strings.Join(hostStates, ", "))
	}
	set := func(s types.HostSystemConnectionState) undo {
		return func() error { c.setRuntime(host, func(r *types.HostRuntimeInfo) { r.ConnectionState = s }); return nil }
	}
	told := map[string]string{"cluster": c.name, "host": host.Name, "state": state}
	s := simply(told, set(types.HostSystemConnectionState(state)), set(types.HostSystemConnectionStateConnected))
	s[0].target = host.Self.Value
	return s, nil
}

func planMaintenance(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	host, err := c.host(args)
	if err != nil {
		return nil, err
	}
	set := func(in bool) undo {
		return func() error {
			c.setRuntime(host, func(r *types.HostRuntimeInfo) { r.InMaintenanceMode = in })
			return nil
		}
	}
	s := simply(map[string]string{"cluster": c.name, "host": host.Name}, set(true), set(false))
	s[0].target = host.Self.Value
	return s, nil
}

// host is the one named by the argument host, the first one without it.
func (c *cluster) host(args map[string]string) (*simulator.HostSystem, error) {
	wanted, names := args["host"], []string{}
	for _, h := range c.hosts {
		if wanted == "" || h.Name == wanted || h.Self.Value == wanted {
			return h, nil
		}
		names = append(names, h.Name)
	}
	return nil, fmt.Errorf("host=%s: cluster %s has %s", wanted, c.name, strings.Join(names, ", "))
}

func planLost(vc *vcenter, args map[string]string) ([]step, error) {
	set := func(lost bool) func(*store) { return func(s *store) { s.lost = lost } }
	return changeStores(vc, args, set(true), set(false))
}

func planNotShared(vc *vcenter, args map[string]string) ([]step, error) {
	set := func(partial bool) func(*store) { return func(s *store) { s.partial = partial } }
	return changeStores(vc, args, set(true), set(false))
}

func planFull(vc *vcenter, args map[string]string) ([]step, error) {
	text := valueOr(args, "free", "2")
	percent, err := strconv.ParseFloat(text, 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		return nil, fmt.Errorf("free=%s: allowed is a number of percent, 0 to 100", text)
	}
	set := func(bytes int64) func(*store) { return func(s *store) { s.freeBytes = bytes } }
	return changeStores(vc, args, set(int64(datastoreCapacityBytes*percent/100)), set(datastoreFreeBytes))
}

// changeStores makes a plan of the same change of one datastore of a cluster, or of all of them.
func changeStores(vc *vcenter, args map[string]string, do, takeBack func(*store)) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	var steps []step
	var names []string
	for _, one := range c.stores {
		one, name := one, one.object.Name
		names = append(names, name)
		if wanted := args["datastore"]; wanted != "" && wanted != name {
			continue
		}
		set := func(f func(*store)) undo {
			return func() error { c.setStore(one, f); return nil }
		}
		s := simply(map[string]string{"cluster": c.name, "datastore": name}, set(do), set(takeBack))
		s[0].target = one.object.Self.Value
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

// planRecreated gives the cluster a moid that no object ever had.
func planRecreated(vc *vcenter, args map[string]string) ([]step, error) {
	c, err := vc.inventory.cluster(args)
	if err != nil {
		return nil, err
	}
	do := func() (undo, error) {
		before := c.object.Self.Value
		vc.inventory.recreated++
		moid := fmt.Sprintf("domain-c%d", firstRecreated+vc.inventory.recreated)
		return func() error { return c.identify(before) }, c.identify(moid)
	}
	return []step{{target: c.name, args: args, do: do}}, nil
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
