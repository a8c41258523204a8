"""The dashboards as code: `make dashboards` writes the JSON files beside this folder."""
