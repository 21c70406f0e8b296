"""What the settings of all stages share; the models are in ``catomo.<stage>.settings``."""
