{{/*
Parts of pods. Each takes a dict of `root` (the chart's own scope), `component` and `values` (those of
the component).
*/}}

{{- define "ilios.podMetadata" -}}
labels:
  {{- with .values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "ilios.labels" .root | nindent 2 }}
  app.kubernetes.io/component: {{ .component }}
annotations:
  {{- /* Secrets are read at start: a change of one that the chart keeps starts the pods anew. */}}
  checksum/secrets: {{ include "ilios.ownSecrets" .root | sha256sum | quote }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "ilios.podSettings" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- toYaml .root.Values.podSecurityContext | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "ilios.spread" -}}
topologySpreadConstraints:
{{- with .values.topologySpreadConstraints }}
  {{- toYaml . | nindent 2 }}
{{- else }}
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "ilios.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
{{- end }}
{{- end -}}

{{/* The image, and what it may do. The image's entry point is tini. */}}
{{- define "ilios.containerSettings" -}}
image: {{ include "ilios.image" .root }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- toYaml .root.Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
{{- end -}}

{{/* The service's settings, as variables. */}}
{{- define "ilios.settings" -}}
{{- $settings := .root.Values.settings -}}
- name: DATA_DIR
  value: /data
- name: PORT
  value: "1337"
- name: SHUTDOWN_GRACE_SECONDS
  value: {{ .values.shutdownGraceSeconds | quote }}
{{- if and .root.Values.ingress.enabled (not $settings.PUBLIC_URL) }}
- name: PUBLIC_URL
  value: {{ printf "http%s://%s" (.root.Values.ingress.tls.enabled | ternary "s" "") .root.Values.ingress.host }}
{{- end }}
{{- range $name, $value := $settings }}
- name: {{ $name }}
  {{- /* Numbers of a values file are floats, which would be written with an exponent. */}}
  value: {{ kindIs "float64" $value | ternary (printf "%d" (int64 $value)) (toString $value) | quote }}
{{- end }}
{{- with .root.Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* In a cluster the name of a pod is that of its node: in the log, the metrics and /health. */}}
{{- define "ilios.nodeName" -}}
- name: NODE_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
{{- end -}}

{{- define "ilios.mounts" -}}
- name: data
  mountPath: /data
{{- if .secrets }}
- name: secrets
  mountPath: {{ include "ilios.secretsFolder" . }}
  readOnly: true
{{- end }}
{{- with .root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Those that go with the pod: secrets, and with `spoolSize` a data folder. */}}
{{- define "ilios.volumes" -}}
{{- if .spoolSize }}
- name: data
  emptyDir:
    sizeLimit: {{ .spoolSize }}
{{- end }}
{{- if .secrets }}
{{ include "ilios.secretVolume" .secrets }}
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Of what answers HTTP. */}}
{{- define "ilios.httpProbes" -}}
startupProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 2
  failureThreshold: {{ div (add1 (int .values.startSeconds)) 2 }}
livenessProbe:
  httpGet: {path: /livez, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- end -}}
