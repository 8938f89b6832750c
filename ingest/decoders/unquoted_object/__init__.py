"""PURE: text like an object of JSON whose keys are not quoted."""
