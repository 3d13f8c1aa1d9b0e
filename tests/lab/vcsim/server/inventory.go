package main

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	datastoreCapacityBytes = 1 << 40
	datastoreFreeBytes     = 800 << 30
	firstRecreated         = 100_000 // far above the numbers of all other objects
)

// shape is the size of a vCenter's inventory.
type shape struct {
	clusters, hosts, datastores int
	hostDomain                  string
}

func (s shape) check() error {
	if s.clusters < 1 || s.clusters > 64 || s.hosts < 1 || s.hosts > 64 || s.datastores < 1 || s.datastores > 256 {
		return fmt.Errorf("allowed are 1 to 64 clusters, 1 to 64 hosts and 1 to 256 datastores a cluster")
	}
	return nil
}

// cluster is one vSphere cluster with what belongs to it alone, so that a fault of one never touches another.
type cluster struct {
	name   string
	object *simulator.ClusterComputeResource
	hosts  []*simulator.HostSystem
	stores []*store
}

// store is one datastore of a cluster and what is wrong with it.
type store struct {
	object    *simulator.Datastore
	lost      bool // no host reaches it
	partial   bool // it is not mounted on the cluster's last host
	freeBytes int64
}

func (s *store) mountedOn(c *cluster, h *simulator.HostSystem) bool {
	return !s.partial || h != c.hosts[len(c.hosts)-1]
}

// inventory is everything behind the SOAP endpoint that faults change.
type inventory struct {
	model     *simulator.Model
	clusters  []*cluster // by name
	dir       string     // holds the datastores' files
	recreated int        // how often a cluster got a new moid
}

// newInventory makes the simulator's model, one datacenter DC0. The same shape always gives the same moids.
func newInventory(s shape, instanceUUID string) (*inventory, error) {
	dir, err := os.MkdirTemp("", "vcsim-")
	if err != nil {
		return nil, err
	}
	m := simulator.VPX()
	m.Cluster, m.ClusterHost, m.Host, m.Machine, m.Datastore = s.clusters, s.hosts, 0, 0, 0
	inv := &inventory{model: m, dir: dir}
	if err := m.Create(); err != nil {
		inv.remove()
		return nil, err
	}
	instance := simulator.Map.Get(vim25.ServiceInstance).(*simulator.ServiceInstance)
	instance.Content.About.InstanceUuid = instanceUUID
	extensions := &extensionManager{}
	extensions.Self = *instance.Content.ExtensionManager
	simulator.Map.Put(extensions)
	for _, e := range simulator.Map.All("ClusterComputeResource") {
		object := e.(*simulator.ClusterComputeResource)
		inv.clusters = append(inv.clusters, &cluster{name: object.Name, object: object})
	}
	// in the order of names, because each new object takes the next number for its moid
	sort.Slice(inv.clusters, func(i, j int) bool { return inv.clusters[i].name < inv.clusters[j].name })
	for _, c := range inv.clusters {
		if err := inv.furnish(c, s); err != nil {
			inv.remove()
			return nil, err
		}
	}
	return inv, nil
}

// remove deletes the datastores' files.
func (inv *inventory) remove() {
	inv.model.Remove()
	_ = os.RemoveAll(inv.dir)
}

// furnish gives a cluster DRS, names its hosts and mounts its datastores on them.
func (inv *inventory) furnish(c *cluster, s shape) error {
	for _, ref := range c.object.Host {
		h := simulator.Map.Get(ref).(*simulator.HostSystem)
		if s.hostDomain != "" {
			h.Name = strings.ToLower(strings.ReplaceAll(h.Name, "_", "-")) + "." + s.hostDomain
			h.Summary.Config.Name = h.Name
		}
		c.hosts = append(c.hosts, h)
	}
	c.setDRS(true, types.DrsBehaviorFullyAutomated)
	for i := 0; i < s.datastores; i++ {
		if err := inv.addDatastore(c, fmt.Sprintf("%s_DS%d", c.name, i)); err != nil {
			return err
		}
	}
	return nil
}

// addDatastore mounts a new VMFS datastore on every host of the cluster. (The simulator's own way makes one
// that every cluster shares, of a type that nova does not take, with one host in its list of mounts.)
func (inv *inventory) addDatastore(c *cluster, name string) error {
	dir := filepath.Join(inv.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	dc := simulator.Map.Any("Datacenter").(*simulator.Datacenter)
	folder := simulator.Map.Get(dc.DatastoreFolder).(*simulator.Folder)
	ds := &simulator.Datastore{}
	ds.Name = name
	now := time.Now()
	ds.Info = &types.VmfsDatastoreInfo{
		DatastoreInfo: types.DatastoreInfo{
			Name: name, Url: dir, FreeSpace: datastoreFreeBytes, MaxFileSize: datastoreFreeBytes, Timestamp: &now,
		},
		Vmfs: &types.HostVmfsVolume{
			HostFileSystemVolume: types.HostFileSystemVolume{Type: "VMFS", Name: name, Capacity: datastoreCapacityBytes},
			BlockSizeMb:          1, MajorVersion: 6, Version: "6.82", Uuid: name, Local: types.NewBool(false),
		},
	}
	ds.Capability = types.DatastoreCapability{
		DirectoryHierarchySupported: true, PerFileThinProvisioningSupported: true,
		TopLevelDirectoryCreateSupported: types.NewBool(true),
	}
	browser := &simulator.HostDatastoreBrowser{}
	ds.Browser = simulator.Map.Put(browser).Reference()
	simulator.Map.PutEntity(folder, ds)
	browser.Datastore = []types.ManagedObjectReference{ds.Self}
	ds.Summary = types.DatastoreSummary{
		Datastore: &ds.Self, Name: name, Url: "ds:///vmfs/volumes/" + name + "/", Type: "VMFS",
		Capacity: datastoreCapacityBytes, FreeSpace: datastoreFreeBytes, Accessible: true,
		MultipleHostAccess: types.NewBool(len(c.hosts) > 1), MaintenanceMode: "normal",
	}
	s := &store{object: ds, freeBytes: datastoreFreeBytes}
	ds.Host = c.mounts(s)
	folder.ChildEntity = append(folder.ChildEntity, ds.Self)
	dc.Datastore = append(dc.Datastore, ds.Self)
	c.object.Datastore = append(c.object.Datastore, ds.Self)
	for _, h := range c.hosts {
		h.Datastore = append(h.Datastore, ds.Self)
		system := simulator.Map.Get(*h.ConfigManager.DatastoreSystem).(*simulator.HostDatastoreSystem)
		system.Datastore = h.Datastore
	}
	c.stores = append(c.stores, s)
	return nil
}

// mounts lists the hosts of a cluster as they see one of its datastores.
func (c *cluster) mounts(s *store) []types.DatastoreHostMount {
	var all []types.DatastoreHostMount
	for _, h := range c.hosts {
		if !s.mountedOn(c, h) {
			continue
		}
		info := types.HostMountInfo{
			AccessMode: "readWrite", Mounted: types.NewBool(!s.lost), Accessible: types.NewBool(!s.lost),
		}
		if s.lost {
			info.InaccessibleReason = "AllPathsDown_Start"
		}
		all = append(all, types.DatastoreHostMount{Key: h.Self, MountInfo: info})
	}
	return all
}
