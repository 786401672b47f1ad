{{/*
What cannot work, each in one line with its remedy; types and names are checked by values.schema.json.
*/}}
{{- define "ilios.check" -}}
{{- $given := dict -}}
{{- range $name, $one := .Values.secrets -}}
{{- if and $one.value $one.existingSecret -}}
{{- fail (printf "secrets.%s has a value and an existingSecret: unset one of them." $name) -}}
{{- end -}}
{{- if or $one.value $one.existingSecret -}}
{{- $_ := set $given $name true -}}
{{- end -}}
{{- end -}}
{{- if not .Values.image.repository -}}
{{- fail "image.repository is not set: name where your image lies, for example registry.example.com/ilios." -}}
{{- end -}}
{{- if eq .Values.mode "cluster" -}}
{{- include "ilios.checkCluster" (dict "root" . "given" $given) -}}
{{- else -}}
{{- include "ilios.checkSingle" (dict "root" . "given" $given) -}}
{{- end -}}
{{- if .Values.settings.S3_BUCKET -}}
{{- range $name := list "awsAccessKeyId" "awsSecretAccessKey" -}}
{{- if not (hasKey $given $name) -}}
{{- fail (printf "settings.S3_BUCKET is set without secrets.%s: give its value, or an existingSecret." $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.enabled needs ingress.host: name the host by which clients call, for example ocr.example.com." -}}
{{- end -}}
{{- if and .Values.ingress.tls.enabled (not .Values.ingress.tls.secretName) -}}
{{- fail "ingress.tls.enabled needs ingress.tls.secretName: name the Secret that has the certificate." -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (not (hasKey $given "metricsToken")) -}}
{{- fail "serviceMonitor.enabled needs secrets.metricsToken: without it /metrics is closed from the first key on." -}}
{{- end -}}
{{- end -}}

{{- define "ilios.checkCluster" -}}
{{- $values := .root.Values -}}
{{- if not (hasKey .given "databaseUrl") -}}
{{- fail "mode cluster needs secrets.databaseUrl: give the URL of a PostgreSQL database, or set mode to single." -}}
{{- end -}}
{{- if not $values.settings.S3_BUCKET -}}
{{- fail "mode cluster needs settings.S3_BUCKET: nodes share a bucket. Name one, or set mode to single." -}}
{{- end -}}
{{- if or $values.settings.USE_EMBEDDED_REPLICA (hasKey .given "tursoAuthToken") -}}
{{- fail "mode cluster is not copied to Turso: unset settings.USE_EMBEDDED_REPLICA and secrets.tursoAuthToken, or set mode to single." -}}
{{- end -}}
{{- if and $values.workers.keda.enabled (not $values.workers.keda.prometheus.serverAddress) -}}
{{- fail "workers.keda.enabled needs workers.keda.prometheus.serverAddress: name the Prometheus that scrapes the web nodes." -}}
{{- end -}}
{{- if lt (int $values.workers.keda.maxReplicas) (int $values.workers.keda.minReplicas) -}}
{{- fail "workers.keda.maxReplicas is below workers.keda.minReplicas: raise it." -}}
{{- end -}}
{{- if lt (int $values.web.autoscaling.maxReplicas) (int $values.web.autoscaling.minReplicas) -}}
{{- fail "web.autoscaling.maxReplicas is below web.autoscaling.minReplicas: raise it." -}}
{{- end -}}
{{- end -}}

{{- define "ilios.checkSingle" -}}
{{- $values := .root.Values -}}
{{- if hasKey .given "databaseUrl" -}}
{{- fail "mode single is one pod on SQLite: unset secrets.databaseUrl, or set mode to cluster." -}}
{{- end -}}
{{- if or $values.workers.keda.enabled $values.web.autoscaling.enabled -}}
{{- fail "mode single is one pod, and cannot scale: unset workers.keda.enabled and web.autoscaling.enabled, or set mode to cluster." -}}
{{- end -}}
{{- end -}}
