"""The strategies that ship here, each alone: markets and venues are records the test writes."""
