{{- define "vedette.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "vedette.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains (include "vedette.name" .) .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "vedette.name" .) | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "vedette.selector" -}}
app.kubernetes.io/name: {{ include "vedette.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "vedette.labels" -}}
{{ include "vedette.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The config file: the values, and a pager where a Secret is named. */}}
{{- define "vedette.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- if not (hasSuffix (printf ":%v" (int .Values.port)) $config.agent.listen) -}}
{{- fail (printf "config.agent.listen is %s, and port is %v: make them agree" $config.agent.listen (int .Values.port)) -}}
{{- end -}}
{{- with .Values.pagerduty -}}
{{- if .existingSecret -}}
{{- $pager := dict "pagerduty" (dict "routing_key_file" "/etc/vedette-pagerduty/routing-key" "region" .region) -}}
{{- $_ := set $config "pagers" (append (default list $config.pagers) $pager) -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}
