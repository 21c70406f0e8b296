"""Any bytes at catomo's doors: they give a value or one line that says what to mend."""
