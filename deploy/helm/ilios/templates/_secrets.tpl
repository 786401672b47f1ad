{{/*
The secrets that are given, as a list in JSON: `variable`, and the `secret` and `key` that hold it.
*/}}
{{- define "ilios.secrets" -}}
{{- $found := list -}}
{{- range $name, $given := .Values.secrets -}}
{{- $variable := $name | snakecase | upper -}}
{{- if $given.existingSecret -}}
{{- $found = append $found (dict "variable" $variable "secret" $given.existingSecret "key" $given.key) -}}
{{- else if $given.value -}}
{{- $found = append $found (dict "variable" $variable "secret" (include "ilios.name" $) "key" $variable) -}}
{{- end -}}
{{- end -}}
{{- $found | toJson -}}
{{- end -}}

{{/* Those of them that the chart keeps itself, as data of a Secret; nothing when there is none. */}}
{{- define "ilios.ownSecrets" -}}
{{- range $name, $given := .Values.secrets }}
{{- if and $given.value (not $given.existingSecret) }}
{{ $name | snakecase | upper }}: {{ $given.value | b64enc }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "ilios.secretsFolder" -}}/run/secrets/ilios{{- end -}}

{{/* `NAME_FILE` for each of a list of secrets. */}}
{{- define "ilios.secretVariables" -}}
{{- range . }}
- name: {{ .variable }}_FILE
  value: {{ include "ilios.secretsFolder" . }}/{{ .variable }}
{{- end }}
{{- end -}}

{{/* One volume with a file for each of a list of secrets. */}}
{{- define "ilios.secretVolume" -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range . }}
      - secret:
          name: {{ .secret }}
          items:
            - key: {{ .key }}
              path: {{ .variable }}
      {{- end }}
{{- end -}}

{{/* Where a scrape finds METRICS_TOKEN. */}}
{{- define "ilios.metricsToken" -}}
{{- $given := .Values.secrets.metricsToken -}}
credentials:
  name: {{ $given.existingSecret | default (include "ilios.name" .) }}
  key: {{ empty $given.existingSecret | ternary "METRICS_TOKEN" $given.key }}
{{- end -}}
