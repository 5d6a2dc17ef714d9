{{- define "ticket-sync.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "ticket-sync.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ticket-sync.labels" -}}
{{ include "ticket-sync.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "ticket-sync.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "ticket-sync.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "ticket-sync.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "ticket-sync.env" -}}
- {name: TICKET_SYNC_CONFIG, value: /etc/ticket-sync/config.toml}
- {name: TICKET_SYNC_SERVER__HOST, value: "0.0.0.0"}
- {name: TICKET_SYNC_SERVER__PORT, value: "8080"}
- {name: TICKET_SYNC_SERVER__ADMIN_HOST, value: "0.0.0.0"}
- {name: TICKET_SYNC_SERVER__ADMIN_PORT, value: "8081"}
{{- if eq .Values.store.kind "postgresql" }}
- {name: TICKET_SYNC_STORE__URL__FILE, value: /etc/ticket-sync/secrets/database-url}
{{- else }}
- {name: TICKET_SYNC_STORE__URL, value: "sqlite:////var/lib/ticket-sync/ticket-sync.db"}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "ticket-sync.mounts" -}}
- {name: config, mountPath: /etc/ticket-sync/config.toml, subPath: config.toml, readOnly: true}
- {name: secrets, mountPath: /etc/ticket-sync/secrets, readOnly: true}
{{- if .Values.rules }}
- {name: rules, mountPath: /etc/ticket-sync/mappings, readOnly: true}
{{- end }}
- {name: store, mountPath: /var/lib/ticket-sync}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}
