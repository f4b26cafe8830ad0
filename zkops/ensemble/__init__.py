"""What an ensemble is seen to be, as frozen data; pure."""
