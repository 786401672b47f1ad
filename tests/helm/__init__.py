"""The Helm chart, rendered by Helm and held against the schemas of Kubernetes: `make helm-test`."""
