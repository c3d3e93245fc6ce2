package api

import (
	"encoding/json"
	"time"
)

// AuditEntry is one entry of the audit trail.
type AuditEntry struct {
	At      *time.Time      `json:"at"`
	By      string          `json:"by"`
	For     string          `json:"for,omitempty"`
	Action  string          `json:"action"`
	Subject string          `json:"subject,omitempty"`
	Why     string          `json:"why,omitempty"`
	Detail  json.RawMessage `json:"detail,omitempty"`
}
