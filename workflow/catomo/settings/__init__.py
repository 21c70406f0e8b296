"""Settings as typed models: one module per stage, each key with default, unit and meaning."""
