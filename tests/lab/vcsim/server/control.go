package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
)

// newControl is the HTTP API on the control socket: JSON out, 400 with what is allowed for anything unknown.
func newControl(vc *vcenter) http.Handler {
	mux := http.NewServeMux()
	handle := func(method, path string, f func(url.Values) (any, error)) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method != method {
				respond(w, http.StatusMethodNotAllowed, problem(fmt.Errorf("%s: allowed is %s", path, method)))
				return
			}
			result, err := f(r.URL.Query())
			if err != nil {
				respond(w, http.StatusBadRequest, problem(err))
				return
			}
			respond(w, http.StatusOK, result)
		})
	}
	handle(http.MethodGet, "/state", func(url.Values) (any, error) { return vc.state(), nil })
	handle(http.MethodGet, "/sessions", func(url.Values) (any, error) { return sessions(), nil })
	handle(http.MethodPost, "/fault", vc.setFault)
	handle(http.MethodPost, "/clear", func(url.Values) (any, error) {
		vc.calls.Lock()
		defer vc.calls.Unlock()
		err := vc.book.clearKind("")
		return vc.inForce(), err
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		err := fmt.Errorf("%s: allowed are GET /state, GET /sessions, POST /fault, POST /clear", r.URL.Path)
		respond(w, http.StatusNotFound, problem(err))
	})
	return mux
}

func problem(err error) any { return map[string]string{"error": err.Error()} }

func respond(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value)
}

// setFault injects (on=1) or takes back (on=0) the fault name. Taken back without further arguments, it ends on
// every target.
func (vc *vcenter) setFault(query url.Values) (any, error) {
	name := query.Get("name")
	kind, ok := faults[name]
	if !ok {
		return nil, fmt.Errorf("name=%s: allowed are %s", name, strings.Join(faultNames(), ", "))
	}
	on := query.Get("on")
	if on != "0" && on != "1" {
		return nil, fmt.Errorf("on=%s: allowed are 1 (inject) and 0 (take back)", on)
	}
	args, err := kind.arguments(query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if kind.onInventory {
		vc.calls.Lock()
		defer vc.calls.Unlock()
	}
	if on == "0" && len(args) == 0 {
		err := vc.book.clearKind(name)
		return vc.inForce(), err
	}
	steps, err := kind.plan(vc, args)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if on == "1" {
		err = vc.book.inject(name, steps)
	} else {
		err = vc.book.clear(name, steps)
	}
	return vc.inForce(), err
}

// arguments are the query's values besides name and on; each must be one that the fault takes, given once.
func (f fault) arguments(query url.Values) (map[string]string, error) {
	args := make(map[string]string)
	for key, values := range query {
		switch {
		case key == "name" || key == "on":
			continue
		case !contains(f.args, key):
			return nil, fmt.Errorf("unknown argument %s; allowed are [%s]", key, strings.Join(f.args, ", "))
		case len(values) != 1 || values[0] == "":
			return nil, fmt.Errorf("argument %s must have one value", key)
		}
		args[key] = values[0]
	}
	return args, nil
}

func contains(list []string, item string) bool {
	for _, s := range list {
		if s == item {
			return true
		}
	}
	return false
}

func (vc *vcenter) inForce() map[string]any {
	return map[string]any{"faults": vc.book.current()}
}

// session is a vCenter session as GET /sessions tells it.
type session struct {
	Key            string    `json:"key"`
	UserName       string    `json:"userName"`
	IPAddress      string    `json:"ipAddress"`
	UserAgent      string    `json:"userAgent"`
	LoginTime      time.Time `json:"loginTime"`
	LastActiveTime time.Time `json:"lastActiveTime"`
	CallCount      int64     `json:"callCount"`
}

func sessions() []session {
	all := []session{}
	for _, s := range simulator.Map.SessionManager().Sessions() {
		all = append(all, session{
			shortKey(s.Key), s.UserName, s.IpAddress, s.UserAgent, s.LoginTime, s.LastActiveTime.UTC(), s.CallCount,
		})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].LoginTime.Before(all[j].LoginTime) })
	return all
}

// The answer to GET /state.
type (
	clusterState struct {
		Name       string           `json:"name"`
		Moid       string           `json:"moid"`
		Present    bool             `json:"present"`
		DRS        drsState         `json:"drs"`
		Hosts      []hostState      `json:"hosts"`
		Datastores []datastoreState `json:"datastores"`
	}
	drsState struct {
		Enabled  bool   `json:"enabled"`
		Behavior string `json:"behavior"`
	}
	hostState struct {
		Name              string `json:"name"`
		Moid              string `json:"moid"`
		Connection        string `json:"connection"`
		InMaintenanceMode bool   `json:"inMaintenanceMode"`
	}
	datastoreState struct {
		Name       string `json:"name"`
		Moid       string `json:"moid"`
		Accessible bool   `json:"accessible"`
		FreeBytes  int64  `json:"freeBytes"`
		Mounts     int    `json:"mounts"`
	}
)

func (vc *vcenter) state() map[string]any {
	vc.calls.Lock()
	defer vc.calls.Unlock()
	clusters := []clusterState{}
	for _, c := range vc.inventory.clusters {
		clusters = append(clusters, c.state())
	}
	state := vc.inForce()
	state["sessions"] = len(simulator.Map.SessionManager().Sessions())
	state["clusters"] = clusters
	return state
}

func (c *cluster) state() clusterState {
	drs := c.drs()
	s := clusterState{
		Name: c.object.Name, Moid: c.object.Self.Value,
		Present: simulator.Map.Get(c.object.Self) != nil,
		DRS:     drsState{*drs.Enabled, string(drs.DefaultVmBehavior)},
	}
	for _, h := range c.hosts {
		s.Hosts = append(s.Hosts, hostState{
			h.Name, h.Self.Value, string(h.Runtime.ConnectionState), h.Runtime.InMaintenanceMode,
		})
	}
	for _, one := range c.stores {
		ds := one.object
		s.Datastores = append(s.Datastores, datastoreState{
			ds.Name, ds.Self.Value, ds.Summary.Accessible, ds.Summary.FreeSpace, len(ds.Host),
		})
	}
	return s
}
