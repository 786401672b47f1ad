"""End documents by age, and remove what dead processes left behind."""
