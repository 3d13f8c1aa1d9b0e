package main

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// extensionManager is the ExtensionManager that the simulator lacks: nova's driver registers itself there.
type extensionManager struct{ mo.ExtensionManager }

func (m *extensionManager) index(key string) int {
	for i := range m.ExtensionList {
		if m.ExtensionList[i].Key == key {
			return i
		}
	}
	return -1
}

// FindExtension answers with nothing where the key is unknown.
func (m *extensionManager) FindExtension(req *types.FindExtension) soap.HasFault {
	body := &methods.FindExtensionBody{Res: new(types.FindExtensionResponse)}
	if i := m.index(req.ExtensionKey); i >= 0 {
		body.Res.Returnval = &m.ExtensionList[i]
	}
	return body
}

// RegisterExtension refuses a key that is registered.
func (m *extensionManager) RegisterExtension(req *types.RegisterExtension) soap.HasFault {
	body := new(methods.RegisterExtensionBody)
	if m.index(req.Extension.Key) >= 0 {
		body.Fault_ = simulator.Fault("", &types.InvalidArgument{InvalidProperty: "extension.key"})
		return body
	}
	m.ExtensionList = append(m.ExtensionList, req.Extension)
	body.Res = new(types.RegisterExtensionResponse)
	return body
}

// UpdateExtension replaces a registered extension.
func (m *extensionManager) UpdateExtension(req *types.UpdateExtension) soap.HasFault {
	body := new(methods.UpdateExtensionBody)
	i := m.index(req.Extension.Key)
	if i < 0 {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	m.ExtensionList[i] = req.Extension
	body.Res = new(types.UpdateExtensionResponse)
	return body
}

// UnregisterExtension removes a registered extension.
func (m *extensionManager) UnregisterExtension(req *types.UnregisterExtension) soap.HasFault {
	body := new(methods.UnregisterExtensionBody)
	i := m.index(req.ExtensionKey)
	if i < 0 {
		body.Fault_ = simulator.Fault("", &types.NotFound{})
		return body
	}
	m.ExtensionList = append(m.ExtensionList[:i], m.ExtensionList[i+1:]...)
	body.Res = new(types.UnregisterExtensionResponse)
	return body
}
