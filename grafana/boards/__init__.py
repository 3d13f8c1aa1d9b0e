"""The dashboards as code, one module each; `python -m grafana.build` writes them."""
