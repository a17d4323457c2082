{{- define "samtale.selector" -}}
app.kubernetes.io/name: samtale
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end }}

{{- define "samtale.labels" -}}
{{ include "samtale.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: samtale-{{ .root.Chart.Version }}
{{- end }}

{{- /* The folder of secrets and files; a projected volume, one file per setting. */ -}}
{{- define "samtale.filesPath" -}}/run/samtale{{- end }}

{{- define "samtale.file" -}}
{{- if .from.secret -}}
- secret: { name: {{ .from.secret | quote }}, items: [{ key: {{ .from.key | quote }}, path: {{ .setting }} }] }
{{- else -}}
- configMap: { name: {{ required (printf "files.%s needs secret or configMap" .setting) .from.configMap | quote }}, items: [{ key: {{ .from.key | quote }}, path: {{ .setting }} }] }
{{- end }}
{{- end }}
