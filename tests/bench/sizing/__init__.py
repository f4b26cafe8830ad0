"""The measuring behind `invoke sizing`: fills real servers, reads their memory, fits the model, tries it."""
