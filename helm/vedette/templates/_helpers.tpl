{{- define "vedette.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Names of pods, claims and their labels add up to 11 characters to it. */}}
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
app.kubernetes.io/name: {{ include "vedette.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* Labels by which something is selected stay what they are, whatever one's own labels say. */}}
{{- define "vedette.labels" -}}
{{- $usual := dict "app.kubernetes.io/version" .Chart.AppVersion "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $usual "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- toYaml (merge (include "vedette.selector" . | fromYaml) .Values.commonLabels $usual) -}}
{{- end -}}

{{/* No version: a chart that changes nothing of the pod must not restart it. */}}
{{- define "vedette.podLabels" -}}
{{- toYaml (merge (include "vedette.selector" . | fromYaml) .Values.podLabels .Values.commonLabels) -}}
{{- end -}}

{{- define "vedette.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "vedette.serviceAccount" -}}
{{- $account := .Values.serviceAccount -}}
{{- $account.name | default (ternary (include "vedette.fullname" .) "default" $account.create) -}}
{{- end -}}

{{- define "vedette.scheme" -}}
{{- ternary "https" "http" (not (empty .Values.listener.tls.existingSecret)) -}}
{{- end -}}

{{- define "vedette.host" -}}
{{- printf "%s.%s.svc" (include "vedette.fullname" .) .Release.Namespace -}}
{{- end -}}

{{/* How people reach the status page: it stands on every page. */}}
{{- define "vedette.url" -}}
{{- if .Values.ingress.enabled -}}
{{- printf "%s://%s/" (ternary "https" "http" (not (empty .Values.ingress.tlsSecret))) .Values.ingress.host -}}
{{- else -}}
{{- printf "%s://%s:%d/" (include "vedette.scheme" .) (include "vedette.host" .) (int .Values.listener.port) -}}
{{- end -}}
{{- end -}}

{{- define "vedette.tokenSecret" -}}
{{- .Values.listener.token.existingSecret | default (printf "%s-token" (include "vedette.fullname" .)) -}}
{{- end -}}

{{- define "vedette.tokenKey" -}}
{{- $token := .Values.listener.token -}}
{{- ternary $token.key "token" (not (empty $token.existingSecret)) -}}
{{- end -}}

{{/* Whether the Prometheus operator is here; `helm template` is told by --api-versions. */}}
{{- define "vedette.hasOperator" -}}
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}yes{{ end -}}
{{- end -}}

{{/* How many milliseconds a duration such as 1m30s has. */}}
{{- define "vedette.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+[a-z]+" . -1 -}}
{{- $number := regexFind "[0-9]+" . -}}
{{- $sum = add $sum (mul (atoi $number) (get $units (trimPrefix $number .))) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* The config file: the values, and of the agent what only the chart knows. */}}
{{- define "vedette.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $listener := .Values.listener -}}
{{- $agent := $config.agent -}}
{{- $_ := set $agent "listen" (printf "%s:%d" $listener.address (int $listener.port)) -}}
{{- $_ := set $agent "state_dir" "/var/lib/vedette" -}}
{{- $_ := set $agent "token_file" "listener.token" -}}
{{- if $listener.tls.existingSecret -}}
{{- $pair := dict "cert_file" "/etc/vedette-tls/tls.crt" "key_file" "/etc/vedette-tls/tls.key" -}}
{{- $_ := set $agent "tls" (merge $pair ($agent.tls | default dict)) -}}
{{- end -}}
{{- if not $agent.url -}}
{{- $_ := set $agent "url" (include "vedette.url" .) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* What a new pod must be made for: config and secrets that are read once. A random token is none of it. */}}
{{- define "vedette.checksum" -}}
{{- printf "%s\n%s\n%s" (include "vedette.config" .) (toYaml .Values.secrets) .Values.listener.token.value | sha256sum -}}
{{- end -}}
