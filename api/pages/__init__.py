"""The pages people see: view models, templates, and the service's own style and script."""
