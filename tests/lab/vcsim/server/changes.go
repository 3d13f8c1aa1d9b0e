package main

import (
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

// setDRS switches the cluster's DRS; enabled it is fully automated.
func (c *cluster) setDRS(enabled bool) {
	drs := types.ClusterDrsConfigInfo{
		Enabled:                   types.NewBool(enabled),
		EnableVmBehaviorOverrides: types.NewBool(true),
		DefaultVmBehavior:         types.DrsBehaviorFullyAutomated,
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

// setConnection sets the connection state of one of the cluster's hosts, and what the cluster can use without it.
func (c *cluster) setConnection(h *simulator.HostSystem, state types.HostSystemConnectionState) {
	runtime := h.Runtime
	runtime.ConnectionState = state
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

// setReachable mounts or loses one of the cluster's datastores on all of its hosts.
func (c *cluster) setReachable(ds *simulator.Datastore, reachable bool) {
	summary := ds.Summary
	summary.Accessible = reachable
	update(ds, "summary", summary)
	update(ds, "host", mounts(c, reachable))
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
