package main

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// update changes properties of an object, as a change inside vCenter does: clients that wait for updates see it.
// Values are always new ones, never changed in place: an answer that is being written may still hold the old.
func update(object mo.Reference, name string, value types.AnyType) {
	simulator.Map.WithLock(object, func() {
		simulator.Map.Update(object, []types.PropertyChange{{Name: name, Val: value}})
	})
}

// setDRS switches the cluster's DRS on or off and sets what it may do by itself.
func (c *cluster) setDRS(enabled bool, behavior types.DrsBehavior) {
	drs := types.ClusterDrsConfigInfo{
		Enabled:                   types.NewBool(enabled),
		EnableVmBehaviorOverrides: types.NewBool(true),
		DefaultVmBehavior:         behavior,
		VmotionRate:               3,
	}
	extended := *c.object.ConfigurationEx.(*types.ClusterConfigInfoEx)
	extended.DrsConfig = drs
	update(c.object, "configurationEx", &extended)
	plain := c.object.Configuration // the older property, still read by many clients
	plain.DrsConfig = drs
	update(c.object, "configuration", plain)
}

func (c *cluster) drs() types.ClusterDrsConfigInfo {
	return c.object.ConfigurationEx.(*types.ClusterConfigInfoEx).DrsConfig
}

// setRuntime changes the state of one of the cluster's hosts, and with it what the cluster can use.
func (c *cluster) setRuntime(h *simulator.HostSystem, change func(*types.HostRuntimeInfo)) {
	runtime := h.Runtime
	change(&runtime)
	update(h, "runtime", runtime)
	summary := h.Summary
	summary.Runtime = &runtime
	update(h, "summary", summary)
	c.countHosts()
}

// countHosts brings the cluster's summary in line with its connected hosts.
func (c *cluster) countHosts() {
	summary := *c.object.Summary.(*types.ClusterComputeResourceSummary)
	summary.NumEffectiveHosts, summary.EffectiveCpu, summary.EffectiveMemory = 0, 0, 0
	for _, h := range c.hosts {
		if h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected && !h.Runtime.InMaintenanceMode {
			summary.NumEffectiveHosts++
			summary.EffectiveCpu += h.Summary.Hardware.CpuMhz * int32(h.Summary.Hardware.NumCpuCores)
			summary.EffectiveMemory += h.Summary.Hardware.MemorySize >> 20 // vSphere tells it in MB
		}
	}
	summary.OverallStatus = types.ManagedEntityStatusGreen
	if int(summary.NumEffectiveHosts) < len(c.hosts) {
		summary.OverallStatus = types.ManagedEntityStatusRed
	}
	update(c.object, "summary", &summary)
}

// setStore changes what is wrong with one of the cluster's datastores, and shows it everywhere.
func (c *cluster) setStore(s *store, change func(*store)) {
	change(s)
	summary := s.object.Summary
	summary.Accessible = !s.lost
	summary.FreeSpace = s.freeBytes
	update(s.object, "summary", summary)
	info := *s.object.Info.(*types.VmfsDatastoreInfo)
	info.FreeSpace = s.freeBytes
	update(s.object, "info", &info)
	update(s.object, "host", c.mounts(s))
	c.listStores(c.hosts[len(c.hosts)-1])
}

// listStores brings a host's list of datastores in line with what is mounted on it.
func (c *cluster) listStores(h *simulator.HostSystem) {
	var all []types.ManagedObjectReference
	for _, s := range c.stores {
		if s.mountedOn(c, h) {
			all = append(all, s.object.Self)
		}
	}
	update(h, "datastore", all)
}

// identify gives the cluster another moid, as when it was deleted and made anew with the same name and hosts.
func (c *cluster) identify(moid string) error {
	if simulator.Map.Get(c.object.Self) == nil {
		return fmt.Errorf("cluster %s is gone: take that back first", c.name)
	}
	old := c.object
	renewed := *old
	renewed.Self.Value = moid
	list(old, false)
	simulator.Map.Remove(old.Self)
	c.object = &renewed
	list(c.object, true)
	simulator.Map.Put(c.object)
	for _, child := range c.contents()[1:] {
		if parent := child.(mo.Entity).Entity().Parent; parent != nil && *parent == old.Self {
			update(child, "parent", &c.object.Self)
		}
		if pool, ok := child.(*simulator.ResourcePool); ok {
			update(pool, "owner", c.object.Self)
		}
	}
	return nil
}

// rename gives the cluster another name; its moid stays.
func (c *cluster) rename(name string) {
	update(c.object, "name", name)
}

// hide takes the cluster with all it contains out of the inventory, as its deletion does. What it returns brings
// the very same objects back.
func (c *cluster) hide() (undo, error) {
	objects := c.contents()
	for i := len(objects) - 1; i >= 0; i-- { // the leaves first
		list(objects[i], false)
		simulator.Map.Remove(objects[i].Reference())
	}
	return func() error {
		for _, o := range objects {
			list(o, true) // before Put, so that container views find it
			simulator.Map.Put(o)
		}
		return nil
	}, nil
}

// list adds an object to the folder it is in, or takes it out. Nothing to do where its parent is no folder.
func list(object mo.Reference, present bool) {
	entity, ok := object.(mo.Entity)
	if !ok || entity.Entity().Parent == nil {
		return
	}
	folder, ok := simulator.Map.Get(*entity.Entity().Parent).(*simulator.Folder)
	if !ok {
		return
	}
	var children []types.ManagedObjectReference
	for _, ref := range folder.ChildEntity {
		if ref != object.Reference() {
			children = append(children, ref)
		}
	}
	if present {
		children = append(children, object.Reference())
	}
	update(folder, "childEntity", children)
}

// contents are the cluster, its hosts, its resource pools and the virtual machines in them, parents first.
func (c *cluster) contents() []mo.Reference {
	all := []mo.Reference{c.object}
	for _, h := range c.hosts {
		all = append(all, h)
	}
	pools := []types.ManagedObjectReference{*c.object.ResourcePool}
	for len(pools) > 0 {
		pool, ok := simulator.Map.Get(pools[0]).(*simulator.ResourcePool)
		pools = pools[1:]
		if !ok {
			continue
		}
		all = append(all, pool)
		pools = append(pools, pool.ResourcePool.ResourcePool...)
		for _, ref := range pool.Vm {
			if vm := simulator.Map.Get(ref); vm != nil {
				all = append(all, vm)
			}
		}
	}
	return all
}
